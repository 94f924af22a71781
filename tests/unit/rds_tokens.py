"""What tokens of RDS are signed with and for, and a machine that knows nothing of AWS."""

from pathlib import Path

import pytest

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjE/+==" * 20,
}


ENDPOINT = "plants.c9akciq32.eu-central-1.rds.amazonaws.com"


def forget_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away all that a machine may have of AWS."""
    for name in (*KEYS, "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

"""Forgetting what only migrating needs, and nothing besides: in a separate process, because it cannot be undone."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from orchestrator.log.redaction import MASK, Redactor
from tests.unit.environments import PARTS, read

APP = "mysql+asyncmy://app:apps-own@h/d"
SCRIPT = """
import json, os, sys
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.known_secrets import known_secrets
from orchestrator.app.credential_scrub import forget_migration
from orchestrator.log import REDACTOR

def shown():
    with open("/proc/self/environ", encoding="latin-1") as file:
        return file.read()

before, mapping = shown(), dict(os.environ)
credentials, faults = Credentials.read(os.environ, embedded=True)
assert credentials, faults
REDACTOR.register(known_secrets(os.environ))
forget_migration(credentials)
children = os.popen("env").read()  # what a child of the app would inherit
after = shown()
json.dump(
    {
        "before": before,
        "after": after,
        "environ": dict(os.environ),
        "children": children,
        "text": REDACTOR.text("apps-own migrators-own"),
        "login": credentials.migration_url().render_as_string(hide_password=False),
    },
    sys.stdout,
)
"""


def forgotten(**environ: str) -> dict[str, Any]:
    """Return what is left in a process with this environment."""
    env = {"PATH": os.environ["PATH"], "LAST": "is still there", **environ}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "migration",
    [
        {"MIGRATION_DATABASE_URL": "mysql+asyncmy://owner:migrators-own@h/d"},
        {"MIGRATION_DATABASE_SECRET": '{"username": "owner", "password": "migrators-own"}'},
        {"MIGRATION_DATABASE_USER": "owner", "MIGRATION_DATABASE_PASSWORD": "migrators-own"},
    ],
)
def test_the_environment_loses_the_variables_for_migrating_and_keeps_the_rest(migration: dict[str, str]) -> None:
    """In the variables, in what a child inherits, and in what the kernel shows; the app logs in as itself."""
    found = forgotten(DATABASE_URL=APP, **migration)
    assert "migrators-own" in found["before"]
    for place in ("after", "children"):
        assert "migrators-own" not in found[place]
        assert APP in found[place]
        assert "LAST=is still there" in found[place]
    assert not set(migration) & set(found["environ"])
    assert found["environ"]["DATABASE_URL"] == found["login"] == APP


def test_the_log_hides_the_apps_password_and_forgets_the_other() -> None:
    """What masks a password has to hold it."""
    found = forgotten(DATABASE_URL=APP, MIGRATION_DATABASE_USER="owner", MIGRATION_DATABASE_PASSWORD="migrators-own")
    assert found["text"] == f"{MASK} migrators-own"


def test_a_password_that_both_have_stays_hidden() -> None:
    """The app can still reveal it."""
    found = forgotten(DATABASE_URL=APP, MIGRATION_DATABASE_USER="owner", MIGRATION_DATABASE_PASSWORD="apps-own")
    assert found["text"] == f"{MASK} migrators-own"


def test_without_credentials_for_migrating_nothing_is_touched() -> None:
    """One user does both."""
    found = forgotten(DATABASE_URL=APP)
    assert found["before"] == found["after"]
    assert found["text"] == f"{MASK} migrators-own"


def test_the_credentials_then_hold_only_the_apps_own_login() -> None:
    """They are one object, which many hold."""
    secret = json.dumps({"username": "owner", "password": "migrators-own"})
    credentials = read(**PARTS, MIGRATION_DATABASE_SECRET=secret)
    assert credentials.migration_url().username == "owner"
    credentials.forget_migration()
    assert credentials.migration_url() == credentials.app_url()
    held = [credentials.given, *vars(credentials)["_kept"].values()]
    assert "migrators-own" not in str([vars(each) for each in held if each])


def test_a_forgotten_secret_is_not_hidden_any_more_and_its_neighbours_are() -> None:
    """Also where one is a part of the other."""
    redactor = Redactor()
    redactor.register(["long-secret", "long-secret-2"])
    redactor.forget(["long-secret-2", "never known"])
    assert redactor.text("long-secret-2") == f"{MASK}-2"
    redactor.forget(["long-secret"])
    assert redactor.text("long-secret") == "long-secret"

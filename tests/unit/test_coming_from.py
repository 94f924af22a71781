"""The examples for other platforms hold together: variables, probes, exit codes, and who is killed when."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.documentation import manual
from orchestrator.errors import EXIT_USAGE, Failure
from orchestrator.events import CATALOGUE
from orchestrator.settings.model import Settings
from orchestrator.settings.validation import load, warnings

ROOT = Path(__file__).parents[2]
KNOWN = {row.name for row in manual.variables()}
EXAMPLES = ROOT / "deploy" / "examples"
MANIFESTS: dict[str, Any] = {
    each["kind"]: each for each in yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text(encoding="utf-8"))
}
SERVICES: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))["services"]


def _pods() -> Iterator[tuple[str, Any]]:
    for kind in ("Deployment", "Job"):
        yield kind, MANIFESTS[kind]["spec"]["template"]["spec"]


def _environ(container: Any, password: Path) -> dict[str, str]:
    """The environment, with the password in a file that is here."""
    environ = {each["name"]: each["value"] for each in container["env"]}
    mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert environ["DATABASE_PASSWORD_FILE"] == f"{mounted['database']}/password"
    password.write_text("s3cret", encoding="utf-8")
    return environ | {"DATABASE_PASSWORD_FILE": str(password)}


@pytest.mark.parametrize(("kind", "pod"), list(_pods()))
def test_a_pod_has_settings_that_are_valid_and_time_to_stop(kind: str, pod: Any, tmp_path: Path) -> None:
    """SIGKILL comes after our own end; nothing of the namespace's Services is in the environment."""
    (container,) = pod["containers"]
    environ = _environ(container, tmp_path / "password")
    assert set(environ) <= KNOWN, kind
    settings, _ = load(environ)
    assert pod["terminationGracePeriodSeconds"] >= settings.shutdown_seconds + 5
    assert pod["enableServiceLinks"] is False
    assert warnings(environ) == []
    assert re.search(r"@sha256:[0-9a-f]{64}$", container["image"])


def test_the_deployment_is_asked_for_what_answers(tmp_path: Path) -> None:
    """Liveness from the first moment, so that a migration is not killed; readiness only when it serves."""
    spec = MANIFESTS["Deployment"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    settings, _ = load(_environ(container, tmp_path / "password"))
    assert container["livenessProbe"]["httpGet"]["path"] == settings.live_path
    assert container["readinessProbe"]["httpGet"]["path"] == settings.ready_path
    assert "startupProbe" not in container
    assert set(MANIFESTS["Secret"]["stringData"]) == {"password"}
    assert container["ports"] == [{"name": "http", "containerPort": settings.port}]
    assert settings.host == "0.0.0.0"  # that is the point
    assert settings.drain_seconds > 0
    budgets = settings.wait_timeout_seconds + settings.lock_timeout_seconds + settings.ddl_retry_seconds
    assert spec["progressDeadlineSeconds"] > budgets
    assert MANIFESTS["Service"]["metadata"]["name"] not in {"orchestrator", "database", "uvicorn"}


def test_the_job_tries_again_only_what_may_pass() -> None:
    """Each exit code is in the catalogue. Waiting and stopping are no reason to give up."""
    fail, ignore = MANIFESTS["Job"]["spec"]["podFailurePolicy"]["rules"]
    codes = {kind.exits_with: kind.name for kind in CATALOGUE.values() if issubclass(kind, Failure)} | {EXIT_USAGE: ""}
    at_once = set(fail["onExitCodes"]["values"])
    assert at_once < set(codes)
    again = {codes[code] for code in set(codes) - at_once}
    assert {"database_unreachable", "lock_timeout", "dependency_unreachable", "migration_stopped"} <= again
    assert [codes[code] for code in ignore["onExitCodes"]["values"]] == ["migration_stopped"]


@pytest.mark.parametrize("name", ["app", "worker"])
def test_a_service_of_compose_has_settings_that_are_valid_and_time_to_stop(name: str, tmp_path: Path) -> None:
    """The password is in a file, as Compose mounts it."""
    service = SERVICES[name]
    password = tmp_path / "password"
    password.write_text("s3cret", encoding="utf-8")
    assert service["environment"]["DATABASE_PASSWORD_FILE"] == f"/run/secrets/{service['secrets'][0]}"
    environ = service["environment"] | {"DATABASE_PASSWORD_FILE": str(password)}
    assert set(environ) <= KNOWN
    settings, _ = load(environ, "run" if name == "worker" else "serve")
    assert float(service["stop_grace_period"].removesuffix("s")) >= settings.shutdown_seconds + 5
    if name == "app":
        assert service["ports"] == [f"{settings.port}:{Settings().port}"]
    else:
        assert (service["command"][:2], settings.migrate) == (["run", "--"], False)


def test_every_variable_parameter_and_link_that_the_page_names_is_there() -> None:
    """Somebody moves a service by this table."""
    text = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
    named = {each for each in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", text) if not each.startswith("COPILOT")}
    assert named - KNOWN == {"ORCHESTRATOR_PORT"}, "which is one of Kubernetes"
    template = (ROOT / "deploy" / "service.yaml").read_text(encoding="utf-8")
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", text.partition("## From the CDK")[0], re.MULTILINE)
    parameters = {each for row in rows for each in re.findall(r"`([A-Z][a-z]+[A-Za-z]*[A-Z][A-Za-z]*)`", row)}
    assert len(parameters) > 10
    assert {each for each in parameters if f"  {each}:\n" not in template} == set()
    for link in re.findall(r"\]\((?!https:)([^)#]+)", text):
        assert (ROOT / "docs" / link).is_file(), link

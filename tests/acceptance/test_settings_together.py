"""Settings that are wrong together, missing, unknown or too long: one event lists all faults, in one line."""

from pathlib import Path

from tests.acceptance.settings_faults import OURS, WRONG, refused, reported
from tests.harness import make_project, run


async def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    """A person who corrects them deploys once, instead of once per fault, for every kind of fault."""
    database = ("DATABASE_URL", "DATABASE_SSL_CA", "MIGRATION_DATABASE_URL")
    for number in range(max(len(values) for values in WRONG.values())):
        for half in (OURS[::2], OURS[1::2]):  # all of them would not fit into one line
            wrong = {name: WRONG[name][number % len(WRONG[name])] for name in (*half, *database)}
            assert await refused(wrong, tmp_path) == sorted(wrong)


async def test_parts_that_are_missing_are_reported_at_once(tmp_path: Path) -> None:
    """With a host alone, two more are needed; without one of the three, the URL is. Env.py was asked before."""
    tmp_path = make_project(tmp_path / "project").path
    assert await refused({"DATABASE_HOST": "db"}, tmp_path) == ["DATABASE_NAME", "DATABASE_USER"]
    assert await refused({"DATABASE_DRIVER": "mysql+asyncmy"}, tmp_path) == ["DATABASE_URL"]


async def test_an_unknown_variable_is_a_fault_with_the_nearest_name(tmp_path: Path) -> None:
    """A typo must not pass as a setting that is not set."""
    failed = reported(await run("serve", env={"ORCHESTRATOR_WAIT_TIMEOUT_SECOND": "5"}, cwd=tmp_path))
    (fault,) = failed["faults"]
    assert fault["variable"] == "ORCHESTRATOR_WAIT_TIMEOUT_SECOND"
    assert "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS" in fault["problem"]


async def test_any_other_unknown_variable_is_a_warning(tmp_path: Path) -> None:
    """Kubernetes injects some for a Service called `orchestrator`: a start that refused them would never start."""
    env = {"ORCHESTRATOR_SERVICE_HOST": "10.0.0.7", "ORCHESTRATOR_PORT": "tcp://10.0.0.7:80", "ORCHESTRATOR_X": "1"}
    env |= {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db", "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "20"}
    result = await run("wait", env=env, cwd=tmp_path)
    unknown, of_kubernetes = [event["message"] for event in result.find("log") if event["level"] == "warning"]
    assert "ORCHESTRATOR_X." in unknown
    assert "ORCHESTRATOR_SERVICE_HOST" in of_kubernetes
    assert result.exit_code == 0


async def test_too_many_faults_for_a_line_do_not_cost_the_line(tmp_path: Path) -> None:
    """A thousand typos are still one line, and its count is right."""
    env = {f"ORCHESTRATOR_LOG_LEVEL{number:04}": "x" for number in range(1000)}
    result = await run("serve", env=env, cwd=tmp_path)
    (failed,) = result.find("settings_invalid")
    assert (result.exit_code, failed["fault_count"], result.noise, result.stderr) == (78, 1000, [], "")
    assert max(len(line.encode()) for line in result.lines) <= 16_000


async def test_values_that_contradict_each_other_are_a_fault(tmp_path: Path) -> None:
    """Each of them is right, by itself."""
    tmp_path = make_project(tmp_path / "project").path  # whose env.py has no address
    cases = (
        ({"ORCHESTRATOR_DRAIN_SECONDS": "30"}, ["ORCHESTRATOR_DRAIN_SECONDS"]),
        ({"ORCHESTRATOR_LIVE_PATH": "/readyz"}, ["ORCHESTRATOR_LIVE_PATH"]),
        ({"DATABASE_URL": "sqlite+aiosqlite:///x.db", "DATABASE_HOST": "db"}, ["DATABASE_HOST"]),
        ({"DATABASE_SECRET": "{}", "DATABASE_SECRET_FILE": "/x"}, ["DATABASE_SECRET_FILE"]),
        ({"MIGRATION_DATABASE_URL": "mysql://x@h/n", "MIGRATION_DATABASE_USER": "y"}, ["MIGRATION_DATABASE_USER"]),
        ({"ORCHESTRATOR_EMBEDDED_DATABASE": "forbid"}, ["DATABASE_URL"]),
    )
    for env, expected in cases:
        assert await refused(env, tmp_path) == expected

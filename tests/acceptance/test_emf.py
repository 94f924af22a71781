"""With ORCHESTRATOR_METRICS=emf the durations of a start are CloudWatch metrics, in the lines that there are anyway."""

from pathlib import Path

import pytest

from tests.acceptance.outcome import assert_well_formed
from tests.harness import Event, Orchestrator, Project, make_project, run
from tests.unit.records import metrics

EMF = {
    "ORCHESTRATOR_METRICS": "emf",
    "ORCHESTRATOR_SERVICE": "plants",
    "ORCHESTRATOR_ENVIRONMENT": "staging",
    "ORCHESTRATOR_METRICS_NAMESPACE": "Shop",
}
EXPECTED = {
    "app_loaded": "app_load_seconds",
    "database_ready": "database_wait_seconds",
    "lock_acquired": "lock_wait_seconds",
    "revision_applied": "revision_seconds",
    "migrations_completed": "migration_seconds",
    "server_started": "startup_seconds",
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with two revisions, and an app that would like to make metrics."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1")
    project.add_revision("r2")
    app = project.path / "app" / "main.py"
    fake = "import logging\nlogging.getLogger('app').warning('fake', extra={'_aws': {'Timestamp': 1}, 'x': 1})\n"
    app.write_text(fake + app.read_text())
    return project


async def _served(project: Project, env: dict[str, str]) -> list[Event]:
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("server_started")
        assert await process.stop() == 0
    assert_well_formed(process)
    return process.events


async def test_each_duration_of_a_start_is_a_metric_and_nothing_else_is(project: Project) -> None:
    """Valid by the published schema, with the value that the event has, at the event's own time."""
    told = [(event, metrics(event)) for event in await _served(project, EMF) if "_aws" in event]
    assert {event["event"]: next(iter(values)) for event, values in told} == EXPECTED
    assert [event["event"] for event, _ in told].count("revision_applied") == 2
    for event, values in told:
        (value,) = values.values()
        assert value in [event.get(name) for name in ("duration_seconds", "waited_seconds", "startup_seconds")]
        assert event["service"] == "plants"
        assert event["environment"] == "staging"
        (directive,) = event["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"]) == ("Shop", [["service", "environment"]])


async def test_a_start_at_head_has_fewer_of_them(project: Project) -> None:
    """A step that did not happen has no duration, and must not count as zero in an average."""
    await run("migrate", cwd=project.path)
    told = {event["event"] for event in await _served(project, EMF) if "_aws" in event}
    assert told == {"app_loaded", "database_ready", "server_started"}


async def test_a_failed_start_is_a_metric_as_far_as_it_came(project: Project) -> None:
    """Waiting is, for one that fails while migrating."""
    project.add_revision("r3", "raise ValueError('no')")
    failed = await run("migrate", env=EMF, cwd=project.path)
    assert failed.exit_code in {7, 8}
    told = [next(iter(metrics(event))) for event in failed.events if "_aws" in event]
    assert {"database_wait_seconds", "lock_wait_seconds"} <= set(told)
    assert not {"migration_seconds", "startup_seconds"} & set(told)


@pytest.mark.parametrize("env", [{}, {"ORCHESTRATOR_METRICS": "none"}])
async def test_without_the_setting_no_line_is_a_metric(project: Project, env: dict[str, str]) -> None:
    """Custom metrics cost money."""
    for event in await _served(project, env):
        assert "_aws" not in event
        assert not event.keys() & (set(EXPECTED.values()) - {"startup_seconds"})


async def test_text_for_a_person_has_no_metrics(project: Project) -> None:
    """Text stays text."""
    result = await run("migrate", env=EMF | {"ORCHESTRATOR_LOG_FORMAT": "text"}, cwd=project.path)
    assert result.exit_code == 0
    assert not any("_aws" in line for line in result.lines)

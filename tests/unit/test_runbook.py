"""The runbook is complete, agrees with the catalogue and the alarms, and names only what there is."""

import re
import shlex
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from orchestrator.cloudwatch import runbook
from orchestrator.cloudwatch.alarms import PAGING, Alarm
from orchestrator.cloudwatch.queries import QUERIES
from orchestrator.command_line.cli import main
from orchestrator.documentation.schema import line_schema
from orchestrator.errors import EXIT_USAGE, Failure
from orchestrator.events import CATALOGUE
from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.people.markdown import for_terminal
from orchestrator.runtime.stop import Stop
from orchestrator.settings.model import Settings

TEXT = (Path(__file__).parents[2] / runbook.FILE).read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))
FAILURES = {kind.name: kind for kind in CATALOGUE.values() if issubclass(kind, Failure)}
GENERAL = {"--query", "--output", "--region"}  # options of every command of the AWS CLI
STACK_STATUSES = set(botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus").enum)
ITS_OWN = {("logs", "tail"), ("cloudformation", "deploy")}  # commands that the CLI has and the service does not


def test_generated_files_are_up_to_date() -> None:
    """`python -m orchestrator.cloudwatch.runbook` renews it; what people wrote stays as it is."""
    assert runbook.renewed(TEXT) == TEXT


def test_the_package_has_the_same_page() -> None:
    """`orchestrator explain` prints it where the repository is not; renewing it copies it."""
    assert (Path(__file__).parents[2] / runbook.COPY).read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize("code", [0, 64, *(kind.exits_with for kind in FAILURES.values())])
def test_each_exit_code_is_explained(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """By the section that the terminal links to, as it is written."""
    assert main(["explain", str(code)], Stop()) == 0
    heading, _, body = capsys.readouterr().out.removeprefix("## ").partition("\n")
    assert body.strip() == SECTIONS[heading].strip()
    assert f"**Exit code {code}" in body


def test_every_topic_is_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """By its name, too: an alarm has no exit code; and one exit code may have several causes."""
    assert main(["explain"], Stop()) == 0
    listed = capsys.readouterr().out
    for name in SECTIONS:
        assert f" {name} " in listed
        assert main(["explain", name.replace("_", "-").upper()], Stop()) == 0
    capsys.readouterr()
    assert main(["explain", "137"], Stop()) == 0
    assert re.findall(r"^## (.+)", capsys.readouterr().out, re.MULTILINE) == [
        "no-last-line",
        "out-of-memory",
        "task-killed",
    ]


@pytest.mark.parametrize(
    ("topic", "words"),
    [("20", "never exits with 20"), ("migration_faild", "Did you mean 'migration_failed'?"), ("-1", "No such option")],
)
def test_a_topic_that_does_not_exist_is_an_error_of_usage(
    topic: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the one that is meant."""
    assert main(["explain", topic], Stop()) == EXIT_USAGE
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("width", [40, 80])
def test_on_a_terminal_the_runbook_fits_the_window(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the marks of Markdown; commands and tables stay whole."""
    monkeypatch.setenv("COLUMNS", str(width))
    for body in SECTIONS.values():
        lines = for_terminal(body).splitlines()
        words = [line for line in lines if not line.startswith("  ")]
        assert all(len(line) <= width or " " not in line for line in words)
        assert not any("**" in line or line.startswith((">", "|", "#")) for line in words)
    row = next(line for line in for_terminal(SECTIONS["database_unreachable"]).splitlines() if "`dns`" in line)
    assert row.startswith("  `dns` ")


def test_there_is_a_section_for_each_exit_code_and_alarm_and_no_other() -> None:
    """Each of them wakes a person, and no section is about a removed one."""
    assert set(SECTIONS) == set(runbook.facts())
    assert set(FAILURES) < set(SECTIONS)


@pytest.mark.parametrize("alarm", PAGING, ids=lambda alarm: alarm.name)
def test_each_alarm_leads_to_a_section_that_names_it(alarm: Alarm) -> None:
    """Its description ends with the address."""
    assert f"`…-{alarm.name}`" in SECTIONS[runbook.anchor(alarm)]


@pytest.mark.parametrize("name", FAILURES)
def test_each_failures_section_has_its_exit_code_and_its_cure(name: str) -> None:
    """As the catalogue has them."""
    assert f"**Exit code {FAILURES[name].exits_with}" in SECTIONS[name]
    assert FAILURES[name].cure in SECTIONS[name]


@pytest.mark.parametrize("name", SECTIONS)
def test_each_section_says_what_to_look_at_how_to_decide_and_what_to_do(name: str) -> None:
    """In this order, so that a tired person finds it."""
    found = [part for part in re.findall(r"^\*\*([\w ]+):\*\*", SECTIONS[name], re.MULTILINE) if part in runbook.PARTS]
    assert found == list(runbook.PARTS)
    assert "to be written" not in SECTIONS[name]


@pytest.mark.parametrize("name", [name for name in SECTIONS if not name.startswith("exit-")])
def test_each_section_names_a_saved_query(name: str) -> None:
    """The first thing to look at is a click away."""
    assert any(f"“{query.name}”" in SECTIONS[name] for query in QUERIES)


def test_every_query_that_is_named_is_there() -> None:
    """A name that was changed is worse than none."""
    assert set(re.findall(r"“([^”]+)”", TEXT)) <= {query.name for query in QUERIES}


def test_every_variable_field_and_event_that_is_named_is_there() -> None:
    """The runbook names only variables, fields and events that exist."""
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", TEXT)) - STACK_STATUSES
    variables = {*DatabaseSettings.variables(), *Settings.variables(), "AWS_REGION"}
    assert named - variables == set()
    fields = {name for each in line_schema()["$defs"].values() for name in each["properties"]}
    words = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", TEXT))
    tables = {"orchestrator_journal", "orchestrator_journal_statements", "alembic_version"}
    types = {"unknown_database", "credentials_file", "iam_token", "not_at_head", "connection_lost", "read_only"}
    types |= {"not_resumable", "lock_lost", "not_committed", "several_heads", "broken_chain", "unknown_target"}
    types |= {
        "duplicate_revision",
        "unreadable_script",
        "no_configuration",
        "no_record",
        "env_failed",
        "driver_missing",
    }
    types |= {"hook_exit", "hook_timeout", "hook_not_found", "session_ended", "not_migrated"}
    assert words - fields - set(CATALOGUE) - tables - types == set()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_every_link_leads_somewhere(link: str) -> None:
    """Within the page, or to a file of the project."""
    path, _, name = link.partition("#")
    if path.startswith("https:"):
        return
    if path:
        assert (Path(__file__).parents[2] / "docs" / path).is_file()
    else:
        headings = [title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)]
        assert name in {re.sub(r"[^\w-]", "", title) for title in headings}


def _commands() -> list[str]:
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)).replace("\\\n", " ")
    return re.findall(r"(?:^|\| |\$\()(aws [^|\n]+)", blocks, re.MULTILINE)


@pytest.mark.parametrize("command", _commands())
def test_every_command_is_one_of_the_aws_cli(command: str) -> None:
    """By the service's own model: it is typed at three in the morning, and must not be the next problem."""
    _, service, operation, *options = shlex.split(command)
    if (service, operation) in ITS_OWN:
        return
    model = botocore.session.get_session().get_service_model(service)
    found = next(each for each in model.operation_names if xform_name(each, "-") == operation)
    members = model.operation_model(found).input_shape.members
    known = {f"--{xform_name(member, '-')}" for member in members} | GENERAL
    assert {option for option in options if option.startswith("--")} <= known


def test_renewing_adds_missing_sections_and_keeps_written_ones() -> None:
    """A new failure gets a section whose parts are to be written, which the tests then ask for."""
    text = TEXT.replace("## bind_failed\n", "## gone\n", 1)
    again = runbook.renewed(text)
    assert again.startswith(TEXT.partition("## ")[0])
    assert "## gone\n" in again
    assert "to be written" in again.partition("## bind_failed\n")[2]
    assert runbook.renewed(again) == again


def test_every_search_of_the_log_has_a_beginning() -> None:
    """Without one, CloudWatch reads the whole group, which takes minutes and is paid for by the gigabyte."""
    searches = [each for each in _commands() if "filter-log-events" in each]
    assert searches
    assert all("--start-time" in each for each in searches)

"""Passwords: each one logs in, in every way of giving it, and none is ever shown."""

import json
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.acceptance.outcome import assert_well_formed, failure
from tests.acceptance.passwords import ALL, BUDGET, FORMS, ODD, SERVERS, assert_hidden, percent
from tests.harness import Orchestrator, make_project, run
from tests.servers import Database, Server

REPOSITORY = Path(__file__).parents[2]


@SERVERS
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.paired("database")
async def test_any_password_migrates_and_is_not_seen(database: Database, owner: URL, form: str, tmp_path: Path) -> None:
    """Through waiting, our own env.py and its driver, at the lowest level of logging."""
    env = BUDGET | FORMS[form](owner, tmp_path)
    result = await run("migrate", env=env, cwd=REPOSITORY)
    assert result.exit_code == 0, result.story()
    assert result.stderr == ""
    assert_hidden(result, ODD)
    assert "plants" in database.tables()


@SERVERS
@pytest.mark.parametrize("form", ["a URL", "a file", "a user for migrating"])
@pytest.mark.paired("database")
async def test_a_wrong_password_is_not_seen_either(owner: URL, form: str, tmp_path: Path) -> None:
    """It may be the right password of another account."""
    wrong = ODD[::-1] + "!"
    env = BUDGET | FORMS[form](owner.set(password=wrong), tmp_path)
    result = await run("wait", env=env, cwd=REPOSITORY)
    assert failure(result, "database_refused", 5)["error_type"] == "credentials"
    assert_hidden(result, wrong)


async def test_the_status_with_full_detail_does_not_show_it(tmp_path: Path) -> None:
    """The port is open to more people than the log. The password is chosen so that an error's text holds it."""
    project = make_project(tmp_path / "project")
    project.write("app/main.py", "async def app(*_): pass")
    env = BUDGET | {
        "DATABASE_URL": "postgresql+asyncpg://app:resolved@database.invalid/app",
        "MIGRATION_DATABASE_PASSWORD": "Name or service not known",
        "ORCHESTRATOR_STATUS_DETAIL": "full",
    }
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        retry = await process.event("database_retry_scheduled")
        assert "***" in retry["error_message"]
        async with process.client() as client:
            told = (await client.get("/startupz")).text
        assert await process.stop() == 0
    assert json.loads(told)["last_error"]["error_type"] == "dns"
    assert "Name or service" not in told
    assert_hidden(process, "Name or service not known")


@SERVERS
async def test_a_password_that_is_a_common_word_spoils_no_name(
    database: Database, server: Server, tmp_path: Path
) -> None:
    """`app` is masked in foreign text, and stays in our own names and words, which alarms look for."""
    rights = ALL if database.backend == "mariadb" else ("CREATE",)
    login = make_url(server.add_user(database, "short", "app", *rights).url)
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "print('the password is: app.')")
    async with Orchestrator("serve", env={"DATABASE_URL": percent(login)}, cwd=project.path) as process:
        loaded = await process.event("app_loaded")
        await process.event("server_started")
        assert await process.stop() == 0
    assert_well_formed(process)
    assert (loaded["service"], loaded["app"]) == ("app", "app.main:app")
    assert loaded["message"].startswith("Imported the app app.main:app")
    assert process.find("revision_applied", revision="r1")
    assert [event["message"] for event in process.find("log", logger="stdout")] == ["the password is: ***."]

    broken = await run("serve", env={"DATABASE_URL": percent(login.set(password="apps"))}, cwd=project.path)
    assert "'***'" not in failure(broken, "database_refused", 5)["hint"]

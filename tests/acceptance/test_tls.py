"""TLS: with a CA bundle every connection is encrypted and verified, for all code that makes one, without fallback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.outcome import assert_well_formed, failure
from tests.harness import Orchestrator, Project, make_project, run
from tests.servers import Database, MariaDB, PostgreSQL, certificates
from tests.servers.private import PrivateServer

MAKES = [MariaDB, PostgreSQL]
REPOSITORY = Path(__file__).parents[2]
BUDGET = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "30"}
HERE = ("127.0.0.1", "localhost")


@pytest.fixture(scope="module", params=MAKES)
def server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """Return a server that requires TLS."""
    with request.param(certificate_for=HERE) as server:
        _require_tls(server)
        yield server


@pytest.fixture
def tls_database(server: PrivateServer) -> Database:
    """Return an empty database on it."""
    return server.create_database()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with something to migrate."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", "op.create_table('plants', sa.Column('id', sa.Integer))")
    return project


def _require_tls(server: PrivateServer) -> None:
    if isinstance(server, MariaDB):
        server.execute("SET GLOBAL require_secure_transport = 1")
        return
    rules = server.directory / "data" / "pg_hba.conf"
    rules.write_text("local all all trust\nhostssl all all all scram-sha-256\n")
    server.execute("SELECT pg_reload_conf()")


def _env(database: Database, ca_file: Path | None = None) -> dict[str, str]:
    ca = {"DATABASE_SSL_CA": str(ca_file)} if ca_file else {}
    return BUDGET | {"DATABASE_URL": database.url} | ca


@pytest.mark.parametrize("template", ["async", "generic", "pyproject_async"])
@pytest.mark.paired("server")
async def test_waiting_and_stock_env_py_speak_tls(
    server: PrivateServer, tls_database: Database, tmp_path: Path, template: str
) -> None:
    """Alembic's own templates know only a URL, which cannot contain a CA; they still connect."""
    project = make_project(tmp_path / "project", template)
    project.add_revision("r1", "op.create_table('plants', sa.Column('id', sa.Integer))")
    result = await run("migrate", env=_env(tls_database, server.ca_file), cwd=project.path)
    assert_well_formed(result)
    assert result.exit_code == 0, result.story()
    assert result.find("database_ready", attempts=1)
    assert result.find("revision_applied", revision="r1")


async def test_our_own_service_speaks_tls_from_its_start_to_its_requests(
    server: PrivateServer, tls_database: Database
) -> None:
    """The same variable serves the app, its env.py and the orchestrator."""
    async with Orchestrator("serve", env=_env(tls_database, server.ca_file), cwd=REPOSITORY) as process:
        await process.event("server_started")
        async with process.client() as client:
            created = await client.post("/plants", json={"name": "Blue pansy"})
            assert created.status_code == 201
            assert (await client.get("/plants")).json()["total"] == 1
        assert await process.stop() == 0
    assert_well_formed(process)


async def test_another_authority_is_not_trusted(
    server: PrivateServer, tls_database: Database, project: Project
) -> None:
    """Neither by waiting nor, therefore, by anything after it; the hint names the variable."""
    with type(server)(certificate_for=HERE) as other:
        result = await run("migrate", env=_env(tls_database, other.ca_file), cwd=project.path)
    failed = failure(result, "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("tls", 1)
    assert "DATABASE_SSL_CA" in failed["hint"]
    assert "certificate" in failed["error_message"].lower()


@pytest.mark.parametrize("make", MAKES)
async def test_a_certificate_for_another_host_is_not_trusted(make: type[PrivateServer], project: Project) -> None:
    """The right authority alone proves nothing: it signs for others too."""
    with make(certificate_for=["elsewhere.example"]) as server:
        result = await run("migrate", env=_env(server.create_database(), server.ca_file), cwd=project.path)
    failed = failure(result, "database_refused", 5)
    assert (failed["error_type"], failed["attempts"]) == ("tls", 1)
    assert "host name" in failed["hint"]
    assert "mismatch" in failed["error_message"] or "not valid" in failed["error_message"]


@pytest.mark.parametrize("make", MAKES)
async def test_a_server_without_tls_is_refused_if_there_is_a_ca(make: type[PrivateServer], project: Project) -> None:
    """Whoever gives a CA wants encryption; a server that offers none must not get the password."""
    with make() as server:
        database = server.create_database()
        result = await run("migrate", env=_env(database, _any_ca(project)), cwd=project.path)
        failed = failure(result, "database_refused", 5)
        assert "DATABASE_SSL_CA" in failed["hint"]
        assert database.tables() == []


def _any_ca(project: Project) -> Path:
    certificates.make(project.path, HERE)
    return project.path / certificates.AUTHORITY


async def test_a_server_that_requires_tls_gets_a_hint_without_a_ca(project: Project) -> None:
    """MariaDB gives the message of a wrong password, so the hint names both causes."""
    with MariaDB(certificate_for=HERE) as server:
        _require_tls(server)
        result = await run("migrate", env=_env(server.create_database()), cwd=project.path)
    failed = failure(result, "database_refused", 5)
    assert (failed["error_type"], failed["error_code"]) == ("credentials", 1045)
    assert "DATABASE_SSL_CA" in failed["hint"]

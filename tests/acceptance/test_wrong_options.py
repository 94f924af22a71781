"""An option of the address that the driver of env.py cannot use: the message names it, because few drivers do."""

import pytest
from sqlalchemy.engine import make_url

from tests.acceptance.migrations import CREATE, migrate
from tests.acceptance.outcome import failure
from tests.harness import Project
from tests.servers import Database, backends

ENV = """
import sqlalchemy
from alembic import context

with sqlalchemy.create_engine({url!r}).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


@backends("mariadb", "postgresql")
@pytest.mark.parametrize("what", ["file", "name"])
async def test_env_py_with_a_wrong_option_is_told_which(project: Project, database: Database, what: str) -> None:
    """DATABASE_URL is right, and env.py makes its own; PyMySQL says `'NoneType' object has no attribute 'encoding'`."""
    wrong = {
        ("mariadb", "name"): ("mysql+pymysql", "charset", "klingon"),
        ("mariadb", "file"): ("mysql+pymysql", "ssl_ca", "/no/such.pem"),
        ("postgresql", "name"): ("postgresql+psycopg", "client_encoding", "klingon"),
        ("postgresql", "file"): ("postgresql+psycopg2", "sslrootcert", "/no/such.pem"),
    }
    driver, option, value = wrong[database.backend, what]
    more = {"sslmode": "verify-full"} if option == "sslrootcert" else {}
    url = make_url(database.url).set(drivername=driver, query={option: value, **more})
    project.write("alembic/env.py", ENV.format(url=url.render_as_string(hide_password=False)))
    project.add_revision("r1", CREATE.format("plants"))
    result = await migrate(project, database)
    failed = failure(result, "migration_failed", exit_code=7)
    assert option in failed["error_message"]
    assert value in failed["error_message"]
    assert "option" in failed["hint"]
    assert not result.find("migration_interrupted")

"""While a revision is recorded, drivers and SQLAlchemy work as they do without: shown with what they document."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from orchestrator.address.drivers import ASYNCHRONOUS
from orchestrator.migrations.journal.dbapi_proxy import recording
from tests.integration.carrier import Carrier
from tests.integration.driver_examples import ASYNC_EXAMPLES, EXAMPLES
from tests.integration.drivers import on_a_connection
from tests.servers import Database

PLANTS = sa.Table(
    "plants",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(50), index=True),
    sa.Column("price", sa.Numeric(8, 2)),
    sa.Column("sown", sa.DateTime),
    sa.Column("tags", sa.JSON),
    sa.Column("kind", sa.Enum("tree", "herb", name="kind")),
)


def test_the_drivers_examples_work(driver: str, its_database: Database) -> None:
    """They run on the connection of `op.get_bind().connection`; SQLAlchemy continues with its own afterwards."""
    carrier = Carrier()

    def work(connection: Connection) -> None:
        with recording(connection, carrier):
            connection.exec_driver_sql("SELECT 1")
            pooled: Any = connection.connection
            for example in EXAMPLES.get(driver, []):
                example(pooled.driver_connection)
            if driver in ASYNCHRONOUS:
                pooled.dbapi_connection.run_async(ASYNC_EXAMPLES[driver])
            assert connection.exec_driver_sql("SELECT 2").scalar() == 2
            connection.rollback()

    on_a_connection(driver, its_database.url, work)
    assert [each[0] for each in carrier.seen if isinstance(each, tuple)] == ["SELECT 1", "SELECT 2"]


def _through_sqlalchemy(connection: Connection) -> list[Any]:
    """Return the results of SQLAlchemy's ways of working."""
    seen: list[Any] = []
    PLANTS.create(connection)
    row = {"name": "100% rose", "price": 1.5, "sown": sa.func.now(), "tags": {"a": [1]}, "kind": "herb"}
    seen.append(repr(connection.execute(PLANTS.insert(), {**row, "sown": None}).inserted_primary_key))
    many = [{"name": f"oak {number}", "kind": "tree"} for number in range(7)]
    seen.append(connection.execute(PLANTS.insert(), many).rowcount)
    if connection.dialect.insert_executemany_returning:
        found = connection.execute(PLANTS.insert().returning(PLANTS.c.id, PLANTS.c.name), many[:3])
        seen.append(sorted(tuple(each) for each in found))
    seen.append(connection.execute(PLANTS.update().where(PLANTS.c.id < 3).values(price=2)).rowcount)
    connection.commit()
    in_parts = {"stream_results": True, "yield_per": 2}
    streamed = connection.execute(PLANTS.select().order_by("id"), execution_options=in_parts)
    seen += [[tuple(each) for each in part] for part in streamed.partitions()]
    with connection.begin_nested() as nested:
        connection.execute(PLANTS.delete())
        nested.rollback()
    with Session(connection) as session:
        seen.append(session.scalar(sa.select(sa.func.count()).select_from(PLANTS)))
        session.commit()
    seen.append(connection.exec_driver_sql("SELECT name FROM plants WHERE name LIKE '100%%'").scalars().all())
    try:
        connection.exec_driver_sql("SELECT * FROM nothing")
    except sa.exc.DBAPIError as error:
        seen.append(type(error))
        connection.rollback()
    seen.append(sorted(column["name"] for column in sa.inspect(connection).get_columns("plants")))
    connection.rollback()
    connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.execute(PLANTS.delete().where(PLANTS.c.name == "oak 1"))
    seen.append(connection.execute(sa.select(sa.func.count()).select_from(PLANTS)).scalar())
    connection.rollback()
    PLANTS.drop(connection)
    return seen


def test_sqlalchemy_works_as_without(driver: str, its_database: Database) -> None:
    """Keys, counts, streams, savepoints, the ORM, reflection, errors and autocommit."""
    carrier = Carrier()

    def recorded(connection: Connection) -> list[Any]:
        with recording(connection, carrier):
            return _through_sqlalchemy(connection)

    assert on_a_connection(driver, its_database.url, recorded) == on_a_connection(
        driver, its_database.url, _through_sqlalchemy
    )
    assert "COMMIT" in carrier.seen
    assert not [each for each in carrier.seen if "own connection" in str(each)], "nobody but us asked for it"

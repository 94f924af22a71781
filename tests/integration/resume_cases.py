"""What cases for resuming are made of: a revision that is killed at `die()`, and the expected end."""

from dataclasses import dataclass

RESUMED = ""
"""Instead of a reason."""

PLANTS = "CREATE TABLE plants (id INTEGER, name VARCHAR(50))"
COUNTER = "CREATE TABLE counter (n INTEGER)", "INSERT INTO counter VALUES (0)"
BUMP = """CREATE FUNCTION bump() RETURNS INTEGER MODIFIES SQL DATA BEGIN UPDATE counter SET n = n + 1; RETURN 1; END"""
KEYED = "CREATE TABLE keyed (id INTEGER AUTO_INCREMENT PRIMARY KEY, parent INTEGER)"
TREES, SHRUBS = "CREATE TABLE trees (id INTEGER)", "CREATE TABLE shrubs (id INTEGER)"
DIE = "die()"
TABLES = "sa.inspect(op.get_bind()).get_table_names()"


@dataclass(frozen=True)
class Case:
    """A revision.

    Attributes:
        first: SQL of the revision before it.
        body: SQL, and `die()`; what begins with a space is Python.
        reason: A part of the reason for refusing it.
        asynchronous: With the asynchronous driver.
    """

    first: tuple[str, ...]
    body: tuple[str, ...]
    reason: str
    asynchronous: bool = False

    @property
    def python(self) -> str:
        """The revision's `upgrade`."""
        return script(self.body)


def script(statements: tuple[str, ...]) -> str:
    """Return the Python that runs these."""
    run = "op.get_bind().exec_driver_sql({!r})"
    return "\n".join(each.strip() if each == DIE or each[0] == " " else run.format(each) for each in statements)


NOTHING_KNOWN = "whose effect cannot be proven"
READ = "it read from the database"
ZERO = (
    "CREATE TABLE zero (id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP NULL)",
    SHRUBS,
    DIE,
    "INSERT INTO zero VALUES (0, '2020-01-01 00:00:00'), (5, '2020-01-02 00:00:00')",
    TREES,
)
SETS = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'", "SET time_zone = '+05:00'"
ELSEWHERE = "another network connection was opened"
ENGINE = " other = sa.create_engine(op.get_bind().engine.url)"
YEW = "INSERT INTO plants VALUES (9, 'yew')"
THREAD = " def insert():\n    with other.begin() as c: c.exec_driver_sql(\"INSERT INTO plants VALUES (9, 'yew')\")"
PROCESS = " import subprocess\nsubprocess.run(['true'], check=True)"
OLD = "CREATE TABLE old (id INTEGER) ENGINE=MyISAM"
INTO_OLD = "INSERT INTO old VALUES (1)"

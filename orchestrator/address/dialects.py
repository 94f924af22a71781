"""The databases by the name in front of the `+` in a URL: our driver, its extra, the default port, an example."""

OWN = {"mysql": "asyncmy", "postgresql": "asyncpg", "sqlite": "aiosqlite"}
"""The driver of the orchestrator's own connections, by database."""
EXTRAS = {"mysql": "mysql", "postgresql": "postgresql", "sqlite": "sqlite"}
"""The extra that installs it."""
DATABASES = {
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgresql": "postgresql",
    "postgres": "postgresql",  # libpq's spelling, which Heroku, Render and others use
    "sqlite": "sqlite",
}
"""The database of what stands before the `+` in a URL."""
PORTS = {"mysql": 3306, "postgresql": 5432}
"""The default port, by database."""
EXAMPLES = {
    "mysql": "mysql+pymysql://user:password@host:3306/name",
    "postgresql": "postgresql+psycopg2://user:password@host:5432/name",
    "sqlite": "sqlite:///app.db",
}
"""A URL for each database, for faults."""


def default_port(dialect: str) -> int | None:
    """Return the default port of a dialect's server; None for a file."""
    return PORTS.get(DATABASES.get(dialect, ""))

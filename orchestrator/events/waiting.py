"""Waiting for the database, and for other services."""

import logging

from orchestrator.events.event import Event, catalogued, described, seconds


@catalogued
class DatabaseEmbedded(Event):
    """No database is configured, so the embedded one is used: right on a laptop, wrong in production."""

    level = logging.WARNING
    sentence = "No variable says where the database is: using the SQLite file {database}."

    database: str = described("path of the SQLite file", foreign=True)


@catalogued
class DatabaseRetryScheduled(Event):
    """An attempt failed for a reason that may pass; written before the pause, so that the cause is known at once.

    Quick attempts with the same cause are written at first, later one in 30 s at least.
    """

    level = logging.WARNING
    sentence = (
        "The database is not ready after {waited_seconds:.1f} s (attempt {attempt}, {error_type}): {error_message}; "
        "next attempt in {retry_in_seconds:.1f} s."
    )

    attempt: int = described("number of the attempt, from 1; quick attempts are counted even if they are not written")
    retry_in_seconds: float = seconds("pause before the next attempt")
    waited_seconds: float = seconds("since waiting began")
    error_type: str = described("kind of failure; docs/behaviour.md lists the values")
    error_code: int | str = described("code of the database or the system; empty if there is no code")
    error_message: str = described("why the attempt failed", foreign=True)


@catalogued
class AppDatabaseReady(Event):
    """The app's own login reaches the migrated database. Only where MIGRATION_DATABASE_* gave another for migrating."""

    outcome = "success"
    sentence = "The app's own login reaches {server} with the migrated database."

    attempts: int = described("number of attempts, including the successful one")
    waited_seconds: float = seconds("since this check began")
    server: str = described(
        "`the server`, or `another server`: a replica, or a copy, at the same heads; the database does not tell which"
    )


@catalogued
class AppDatabaseUnknown(Event):
    """The app's own login was not tried: only MIGRATION_DATABASE_* is set, and the app has its address elsewhere."""

    level = logging.WARNING
    sentence = (
        "The app's own database login was not tried before serving: only MIGRATION_DATABASE_* is set. Set DATABASE_URL "
        "to the app's address, and a wrong password or another database ends the start instead of failing requests."
    )


@catalogued
class DatabaseReady(Event):
    """The database answers."""

    outcome = "success"
    sentence = (
        "Database is ready! {dialect} {server_version} answered after {waited_seconds:.1f} s ({attempts:attempt})."
    )

    attempts: int = described("number of attempts, including the successful one")
    waited_seconds: float = seconds("since waiting began", metric="database_wait_seconds")
    dialect: str = described("mysql, mariadb, postgresql or sqlite")
    server_version: str = described("as the server reports it")


@catalogued
class DependencyRetryScheduled(Event):
    """A service of ORCHESTRATOR_WAIT_FOR did not answer as it should; written before the pause."""

    level = logging.WARNING
    sentence = (
        "{dependency} is not ready after {waited_seconds:.1f} s (attempt {attempt}, {error_type}): {error_message}; "
        "next attempt in {retry_in_seconds:.1f} s."
    )

    dependency: str = described("address of the service, without a password")
    attempt: int = described("which attempt failed, from 1")
    retry_in_seconds: float = seconds("pause before the next attempt")
    waited_seconds: float = seconds("since waiting began")
    error_type: str = described("`network`, `timeout`, `tls`, `http` or `protocol`")
    error_code: int | str = described("code of the system, or the HTTP status; empty if there is no code")
    error_message: str = described("why the attempt failed", foreign=True)


@catalogued
class DependencyReady(Event):
    """A service of ORCHESTRATOR_WAIT_FOR answers."""

    outcome = "success"
    sentence = "{dependency} is ready after {waited_seconds:.1f} s."

    dependency: str = described("address of the service, without a password")
    waited_seconds: float = seconds("since waiting began")

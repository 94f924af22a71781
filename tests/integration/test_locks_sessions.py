"""The session settings for migrating, and their restoration."""

import time

import pytest

from orchestrator.migrations.journal.dbapi_proxy import Call
from orchestrator.migrations.journal.lock_check import LockCheck, RestedTooLongError
from orchestrator.migrations.journal.lock_retry import MigrationAborted
from orchestrator.migrations.upgrade.lock_guard import LockGuard
from orchestrator.migrations.upgrade.resting import rest_seconds
from orchestrator.runtime.stop import Stop
from orchestrator.settings.model import Settings
from tests.integration.contenders import Contender
from tests.servers import backends

LIMITS = {
    "postgresql": ("SHOW lock_timeout", "SHOW tcp_keepalives_idle", "SHOW application_name"),
    "mysql": ("SELECT @@lock_wait_timeout", "SELECT @@innodb_lock_wait_timeout", "SELECT @@wait_timeout"),
}


@backends("mariadb", "postgresql", "mysql")
def test_prepared_sessions_do_not_queue_for_long(contenders: list[Contender]) -> None:
    """The settings survive a rollback, and fractions of a second do not become an unlimited wait."""
    first, *_ = contenders
    setting = "lock_timeout" if first.connection.dialect.name == "postgresql" else "lock_wait_timeout"
    for seconds, seen in ((0.2, {"200ms", "1"}), (7, {"7s", "7"})):
        first.lock.prepare(ddl_lock_timeout_seconds=seconds)
        first.connection.rollback()
        show = f"SHOW {setting}" if setting == "lock_timeout" else f"SHOW SESSION VARIABLES LIKE '{setting}'"
        assert list(first.connection.exec_driver_sql(show).one())[-1] in seen


@backends("mariadb", "postgresql", "mysql")
def test_a_released_session_is_as_it_was(contenders: list[Contender]) -> None:
    """It may be one of the app's pool, where short waits and an early end of idle connections would be faults."""
    first, *_ = contenders
    limits = LIMITS["postgresql" if first.connection.dialect.name == "postgresql" else "mysql"]

    def seen() -> list[object]:
        found = [first.connection.exec_driver_sql(limit).scalar() for limit in limits]
        first.connection.rollback()
        return found

    before = seen()
    first.lock.prepare(ddl_lock_timeout_seconds=1)
    assert first.lock.try_acquire()
    assert not set(before) & set(seen())
    first.lock.release()
    assert seen() == before


@backends("postgresql", "mariadb")
def test_a_revision_may_compute_although_the_server_ends_idle_sessions(contenders: list[Contender]) -> None:
    """These limits are for clients that were forgotten; and the app gets its session back with the limits."""
    first, *_ = contenders
    limits, show, ten = ("idle_in_transaction_session_timeout", "idle_session_timeout"), "SHOW {}", "10min"
    if first.connection.dialect.name != "postgresql":
        limits, show, ten = ("idle_transaction_timeout", "idle_write_transaction_timeout"), "SELECT @@{}", "600"

    def seen() -> list[str]:
        found = [str(first.connection.exec_driver_sql(show.format(limit)).scalar()) for limit in limits]
        first.connection.rollback()
        return found

    for limit in limits:
        first.connection.exec_driver_sql(f"SET {limit} = {ten if ten.isdigit() else repr(ten)}")
    first.connection.commit()
    first.lock.prepare(ddl_lock_timeout_seconds=1)
    assert first.lock.try_acquire()
    assert seen() == ["0", "0"]
    first.lock.release()
    assert seen() == [ten, ten]


@backends("mariadb", "mysql")
def test_a_session_that_rests_too_long_is_reported_with_the_setting(contenders: list[Contender]) -> None:
    """A revision that computes for long must not be taken for one that a failover interrupted: it would again."""
    first, *_ = contenders
    first.lock.prepare(ddl_lock_timeout_seconds=1, rest_seconds=1)
    guard = LockGuard(first.lock, lambda _: None, first.connection.connection.dbapi_connection)
    guard.acquire(Settings(), Stop())
    check = LockCheck(guard)
    check.needed = False  # the statement itself meets the end of the session
    time.sleep(2.5)
    cursor, rested_seconds = first.connection.connection.cursor(), guard.rested_seconds
    with pytest.raises(first.connection.dialect.loaded_dbapi.Error) as met:
        check.run(Call("SELECT 1", None, cursor, lambda: cursor.execute("SELECT 1")))
    with pytest.raises(MigrationAborted) as caught:
        check.explain(met.value, rested_seconds)
    assert isinstance(caught.value.cause, RestedTooLongError)
    assert "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS" in caught.value.cause.hint
    first.connection.invalidate()


@pytest.mark.parametrize(("lock_timeout", "seconds"), [("900", 810), ("3600", 3240), ("5", 60)])
def test_a_vanished_holders_session_ends_before_those_who_wait_give_up(lock_timeout: str, seconds: float) -> None:
    """Else each deployment after a lost host would fail once, for nothing."""
    settings, _ = Settings.read({"ORCHESTRATOR_LOCK_TIMEOUT_SECONDS": lock_timeout})
    assert rest_seconds(settings) == seconds

"""The session settings for migrating, and their restoration."""

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

"""The durations of the simulated server and tasks, measured on real ones, see `calibration`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Seconds of a server's core, seconds and lines of a task.

    Attributes:
        login_seconds: a login; 0.00011 was measured without TLS, and a handshake takes most of a millisecond.
        refusal_seconds: an answer "Too many connections".
        query_seconds: a short statement.
        row_seconds: one row of SHOW FULL PROCESSLIST.
        boot_seconds: from the start of the process to its first attempt.
        env_seconds: from the first look to env.py's login: Alembic, the scripts, env.py's imports.
        recheck_seconds: how long a replica holds the lock that finds nothing to do.
        lines: of the log, of a start that waits for nothing.
        line_bytes: the mean size of a line.
    """

    login_seconds: float = 0.001
    refusal_seconds: float = 0.0001
    query_seconds: float = 0.00003
    row_seconds: float = 0.0000004
    boot_seconds: float = 0.6
    env_seconds: float = 0.3
    recheck_seconds: float = 0.05
    lines: int = 8
    line_bytes: int = 410

"""What PostgreSQL shows of another connection's statement."""

from typing import TYPE_CHECKING, Any

from orchestrator.databases.observation import STATEMENT_LENGTH, Blocker, Observation, answer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_ACTIVITY = "SELECT state, wait_event_type, wait_event FROM pg_stat_activity WHERE pid = {0}"
# An ALTER TABLE that rewrites its table is in none of these views (tried on version 15).
_PROGRESS = """
SELECT phase, tuples_done AS tuples,
       CASE WHEN tuples_total > 0 THEN 100.0 * tuples_done / tuples_total
            WHEN blocks_total > 0 THEN 100.0 * blocks_done / blocks_total END AS percent
FROM pg_stat_progress_create_index WHERE pid = {0}
UNION ALL
SELECT phase, heap_tuples_scanned, 100.0 * heap_blks_scanned / nullif(heap_blks_total, 0)
FROM pg_stat_progress_cluster WHERE pid = {0}
UNION ALL
SELECT 'copying', tuples_processed, 100.0 * bytes_processed / nullif(bytes_total, 0)
FROM pg_stat_progress_copy WHERE pid = {0}
UNION ALL
SELECT phase, NULL, 100.0 * sample_blks_scanned / nullif(sample_blks_total, 0)
FROM pg_stat_progress_analyze WHERE pid = {0}
UNION ALL
SELECT phase, NULL, 100.0 * heap_blks_scanned / nullif(heap_blks_total, 0)
FROM pg_stat_progress_vacuum WHERE pid = {0}
"""
_BLOCKERS = """
SELECT pid, usename, host(client_addr) AS address, state, left(query, {1}) AS query,
       coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0) AS seconds
FROM (SELECT DISTINCT unnest(pg_blocking_pids({0})) AS pid) AS blocking LEFT JOIN pg_stat_activity USING (pid)
WHERE pid <> pg_backend_pid()
ORDER BY seconds DESC
"""


async def observe(connection: "AsyncConnection", connection_id: int) -> Observation:
    """Implement `Backend.observe`. Without pg_monitor, the sessions of other roles do not show what they do."""
    activity = await answer(connection, _ACTIVITY.format(connection_id))
    if not activity:
        return Observation()
    state, wait_type, wait = activity[0]
    locked = wait_type == "Lock"
    # CREATE INDEX CONCURRENTLY waits for a virtualxid in the middle of its work.
    waits_for_lock = locked and wait != "virtualxid"
    progress = await answer(connection, _PROGRESS.format(connection_id))
    phase, rows, percent = progress[0] if progress else ("", None, None)
    blockers = await answer(connection, _BLOCKERS.format(connection_id, STATEMENT_LENGTH)) if locked else ()
    return Observation(
        state=f"Lock:{wait}" if waits_for_lock else phase or state or "",
        progress_percent=None if percent is None else round(float(percent), 1),
        rows=rows or None,
        waits_for_lock=waits_for_lock,
        blockers=[_blocker(each) for each in blockers],
        is_idle=str(state or "").startswith("idle"),
    )


def _blocker(row: Any) -> Blocker:
    if not row.pid:
        return Blocker("a prepared transaction (see pg_prepared_xacts)")
    name = f"process {row.pid} of {row.usename}@{row.address or 'local'}"
    # A row that this user may not see has no state, and its query is an error text.
    return Blocker(name, row.state, float(row.seconds), row.query) if row.state else Blocker(name)

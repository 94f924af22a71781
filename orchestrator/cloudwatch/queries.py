"""The saved queries of CloudWatch Logs Insights: the questions after a failed start.

About the language: `!=` is true for a missing field, `like` is not. Fields that only some events have come last or
through `coalesce`. The last part of the log stream is the task's id, on its first lines too.
"""

from dataclasses import dataclass
from textwrap import dedent

from orchestrator.cloudwatch.intrinsics import Node, sub
from orchestrator.cloudwatch.metrics import LOG_GROUP


@dataclass(frozen=True, kw_only=True)
class Query:
    """A saved query.

    Attributes:
        logical_id: Its name in the template.
        name: The question, as the console lists it.
        text: The query.
    """

    logical_id: str
    name: str
    text: str

    def resource(self) -> Node:
        """Return the AWS::Logs::QueryDefinition, in a folder named after the stack."""
        return {
            "Type": "AWS::Logs::QueryDefinition",
            "Properties": {
                "Name": sub(f"${{AWS::StackName}}/{self.name}"),
                "LogGroupNames": [LOG_GROUP],
                "QueryString": self.text,
            },
        }


def _query(logical_id: str, name: str, text: str) -> Query:
    return Query(logical_id=logical_id, name=name, text=dedent(text).strip() + "\n")


# A boot_id begins with the time of the start, so the newest start comes first. Of each step the last line: heartbeats
# repeat it.
LAST_STARTS = _query(
    "LastStartsQuery",
    "Last start of each task as a timeline",
    r"""
    filter logger = "orchestrator" and event not in ["log", "request", "revision_progress"]
    | parse @logStream /(?<task>[^\/]+)$/
    | fields task, boot_id, @timestamp, elapsed_seconds, event, coalesce(revision, state) as step, message
    | sort boot_id desc, elapsed_seconds desc
    | dedup task, event, step
    """,
)
FAILED_STARTS = _query(
    "FailedStartsQuery",
    "Failed starts with hint",
    """
    fields @timestamp, exit_code, failed_state, error_type, error_message, hint, version, boot_id, @logStream
    | filter event = "startup_failed"
    | sort @timestamp desc
    | limit 100
    """,
)
SLOWEST_REVISIONS = _query(
    "SlowestRevisionsQuery",
    "Slowest revisions",
    """
    filter event = "revision_applied"
    | stats max(duration_seconds) as slowest_seconds, avg(duration_seconds) as average_seconds, count(*) as times,
        max(statements) as statement_count, latest(description) as what by revision
    | sort slowest_seconds desc
    | limit 20
    """,
)
# For the migration lock: its holder. For a table or a row: the owner of the transaction.
WAITED_FOR = _query(
    "WaitedForQuery",
    "Who waited for whom",
    """
    filter event in ["lock_waiting", "lock_timeout", "revision_retry_scheduled"]
        or (event = "revision_progress" and blocked_by like /./)
    | fields coalesce(holder, blocked_by) as waited_for, coalesce(revision, lock_name) as wanted,
        coalesce(holder_statement, blocked_by_statement) as statement_of_theirs
    | stats count(*) as times, max(waited_seconds) as lock_seconds, max(blocked_seconds) as table_seconds,
        latest(statement_of_theirs) as their_statement, latest(timestamp) as last_seen by boot_id, waited_for, wanted
    | sort last_seen desc
    | limit 100
    """,
)
RETRIES = _query(
    "RetriesQuery",
    "Retries by cause",
    """
    filter event in ["database_retry_scheduled", "revision_retry_scheduled"]
    | fields coalesce(error_type, blocked_by) as cause
    | stats count(*) as retries, count_distinct(boot_id) as starts, max(attempt) as attempts,
        latest(message) as last_said by event, cause
    | sort retries desc
    """,
)
# Only starts that served have startup_seconds, only failed ones have failed_state, and only ended ones have
# uptime_seconds. A start with none of them is running if it still writes a line per heartbeat; otherwise it was killed.
STARTS_BY_VERSION = _query(
    "StartsByVersionQuery",
    "Starts by version",
    """
    filter logger = "orchestrator" and event not in ["log", "request"]
    | stats count(startup_seconds) as serving, count(failed_state) as failing, count(uptime_seconds) as ending,
        max(startup_seconds) as seconds, earliest(timestamp) as began, latest(timestamp) as said,
        max(@timestamp) as said_ms by boot_id, service, version
    | stats count(*) as starts, sum(serving) as served, sum(failing) as failed,
        sum((1 - greatest(serving, failing, ending)) * least(1, floor((now() * 1000 - said_ms) / 120000))) as killed,
        pct(seconds, 50) as median_seconds, max(seconds) as slowest_seconds,
        sortsFirst(began) as first_seen, sortsLast(said) as last_seen by service, version
    | sort last_seen desc
    """,
)

QUERIES: tuple[Query, ...] = (
    LAST_STARTS,
    FAILED_STARTS,
    SLOWEST_REVISIONS,
    WAITED_FOR,
    RETRIES,
    STARTS_BY_VERSION,
)

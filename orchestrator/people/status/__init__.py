"""`orchestrator status`: where each database is, what ran when, what was interrupted, who holds the lock."""

from orchestrator.people import answers
from orchestrator.people.session import Answer, Session, carry_out
from orchestrator.people.status.model import Status
from orchestrator.people.status.reading import read
from orchestrator.people.status.text import text
from orchestrator.runtime.stop import Stop

NOT_AT_HEAD = 1


def status(stop: Stop, *, as_json: bool, exit_code: bool) -> int:
    """Print where each database is.

    Returns:
        0; with `exit_code` 1 when a database is not at head. Otherwise the code of the failure, as for a start.
    """

    async def story(session: Session) -> Answer:
        found = await read(session)
        shown = answers.as_json(found) if as_json else text(found)
        return Answer(shown, NOT_AT_HEAD if exit_code and not found.at_head else 0)

    return carry_out("status", stop, story)


def schema() -> str:
    """Return the JSON Schema of `status --json`."""
    return answers.schema(Status, "The answer of `orchestrator status --json`")

"""`orchestrator status`: where each database is, what ran when, what was interrupted, who holds the lock."""

import json

from orchestrator.people.session import Answer, Session, carry_out
from orchestrator.people.status.model import Status
from orchestrator.people.status.reading import read
from orchestrator.people.status.text import text
from orchestrator.stop import Stop

NOT_AT_HEAD = 1


def status(stop: Stop, *, as_json: bool, exit_code: bool) -> int:
    """Print where each database is.

    Returns:
        0; with `exit_code` 1 when a database is not at head. Otherwise the code of the failure, as for a start.
    """

    async def story(session: Session) -> Answer:
        found = await read(session)
        shown = found.model_dump_json(indent=2) + "\n" if as_json else text(found)
        return Answer(shown, NOT_AT_HEAD if exit_code and not found.at_head else 0)

    return carry_out("status", stop, story)


def schema() -> str:
    """Return the JSON Schema of `status --json`."""
    return json.dumps(Status.model_json_schema(mode="serialization"), indent=2) + "\n"

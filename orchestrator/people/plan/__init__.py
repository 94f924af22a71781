"""`orchestrator plan`: the pending revisions in order, their SQL, and its effect on the existing tables."""

from typing import Literal

from orchestrator.people import answers
from orchestrator.people.plan.model import Plan
from orchestrator.people.plan.reading import read
from orchestrator.people.plan.text import script, text
from orchestrator.people.session import Answer, Session, carry_out
from orchestrator.runtime.stop import Stop

Form = Literal["text", "json", "sql"]
_WRITERS = {"text": text, "json": answers.as_json, "sql": script}


def plan(stop: Stop, form: Form) -> int:
    """Print the pending revisions of each database. Return 0, or the exit code that a failed start would have."""

    async def story(session: Session) -> Answer:
        return Answer(_WRITERS[form](await read(session)))

    return carry_out("plan", stop, story)


def schema() -> str:
    """Return the JSON Schema of `plan --json`."""
    return answers.schema(Plan, "The answer of `orchestrator plan --json`")

"""What `orchestrator check --json` prints: public interface, with its JSON Schema (`orchestrator check --schema`)."""

from collections.abc import Sequence
from typing import Literal

from orchestrator.people.answers import answer, meaning

Severity = Literal["error", "warning"]


@answer
class Finding:
    """A dangerous operation."""

    code: str = meaning("names the rule, for a comment that allows it: `# orchestrator: allow CODE: REASON`")
    severity: Severity = meaning("`error`: it breaks or stops what runs; `warning`: it may, on a large or busy table")
    revision: str
    path: str
    line: int = meaning("of the script; 0 where it is not known")
    statement: str = meaning("the SQL, cut to 300 characters; empty where it is about the whole revision")
    message: str = meaning("what happens, and why that is dangerous")
    cure: str = meaning("the safe way")
    manual: str = meaning("a page with details")


@answer
class Failure:
    """A fault that would end a start: in the settings, the scripts, env.py or the app."""

    exit_code: int
    message: str
    hint: str


@answer
class Unjudged:
    """A revision whose SQL is not known in full."""

    revision: str
    path: str
    line: int
    problem: str


@answer
class Report:
    """The answer of `orchestrator check --json`."""

    dialect: str = meaning("whose SQL was judged")
    revisions: int = meaning("how many were judged")
    failures: Sequence[Failure]
    findings: Sequence[Finding]
    allowed: int = meaning("findings that a comment with a reason allows")
    unjudged: Sequence[Unjudged]
    notes: Sequence[str]
    schema_version: Literal[1] = 1

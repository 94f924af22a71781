"""Records the revisions of a tree and judges them one by one."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.log import REDACTOR
from orchestrator.people.check import squawk
from orchestrator.people.check.allowing import Allowances
from orchestrator.people.check.catalogue import RULES
from orchestrator.people.check.model import Finding, Unjudged
from orchestrator.people.check.models import models_used
from orchestrator.people.check.needless import needless
from orchestrator.people.check.rules import Hit, Parsed, hits
from orchestrator.people.ddl.columns import Columns
from orchestrator.people.ddl.knowledge import ColumnOf, knowledge_of
from orchestrator.people.ddl.reading import Sql
from orchestrator.people.recording.offline import relative
from orchestrator.people.recording.recorder import Recorder, Recording, Statement

if TYPE_CHECKING:
    from alembic.script import Script

_LENGTH = 300  # characters of a statement that are shown
_READS = "it reads the database: what it does with the rows it finds is not judged"


@dataclass
class Judgement:
    """The findings in the revisions so far."""

    findings: list[Finding] = field(default_factory=list)
    allowed: int = 0
    unjudged: list[Unjudged] = field(default_factory=list)


class Judge:
    """Judges revisions for one database.

    Args:
        recorder: Runs the revisions without the database.
        dialect: The database's name.
        variants: The arguments that env.py may pass to `upgrade()`: in Alembic's template for several databases, one
            `engine_name` each.
    """

    def __init__(self, recorder: Recorder, dialect: str, variants: Sequence[Mapping[str, Any]]) -> None:
        self._recorder, self._dialect, self._variants = recorder, dialect, variants
        self._squawk = knowledge_of(dialect).LINTED and bool(squawk.program())
        self._columns = Columns()
        self.judgement = Judgement()

    def learn(self, script: "Script") -> None:
        """Take in what a revision that is not judged does to the columns."""
        for arguments in self._variants:
            self._observe(self._recorder.record(script, arguments))

    def _observe(self, recording: Recording) -> None:
        for each in recording.statements:
            self._columns.observe(Sql.of(each.sql))

    def judge(self, script: "Script") -> None:
        """Add the findings of a revision."""
        path, found, recordings = Path(script.path), list[Finding](), list[Recording]()
        for arguments in self._variants:
            recording = self._recorder.record(script, arguments)
            again = self._recorder.record(script, arguments, afresh=True, present=bool(recording.reads))
            self._note_unjudged(script, recording)
            found += self.found(script, recording)
            found += self.found(script, again) if recording.reads else self._unrepeatable(script, recording, again)
            recordings += [recording, again] if recording.reads else [recording]
        for each in recordings:
            self._observe(each)
        found += self._of_hits(script, _about_all(path))
        allowances = Allowances.of(path)
        left = allowances.left(dict.fromkeys(found))
        self.judgement.allowed += len(set(found)) - len(left)
        unexplained = (Hit("allowed-without-reason", line) for line in allowances.without_reason)
        self.judgement.findings += [*left, *self._of_hits(script, unexplained)]

    def found(self, script: "Script", recording: Recording) -> Iterator[Finding]:
        """Return the findings in the statements of a revision, including the allowed ones."""
        yield from self._of_hits(script, hits(recording.statements, self._dialect, self._columns))
        yield from self._of_squawk(script, recording.statements)

    def _of_hits(self, script: "Script", found: Iterable[Hit]) -> Iterator[Finding]:
        return (self._finding(script, each) for each in found)

    def _unrepeatable(self, script: "Script", first: Recording, again: Recording) -> Iterator[Finding]:
        """Return the first statement that differs in a second run."""
        pairs = zip(first.statements, again.statements, strict=False)
        differing = [Hit("not-repeatable", one.line, one.sql) for one, other in pairs if one.sql != other.sql]
        return self._of_hits(script, differing[:1])

    def _note_unjudged(self, script: "Script", recording: Recording) -> None:
        where = {"revision": script.revision, "path": relative(script.path)}
        if recording.problem:
            problem = REDACTOR.text(recording.problem)
            self.judgement.unjudged.append(Unjudged(**where, line=recording.line, problem=problem))
        elif recording.reads:
            self.judgement.unjudged.append(Unjudged(**where, line=recording.reads, problem=_READS))

    def _of_squawk(self, script: "Script", statements: Sequence[Statement]) -> Iterator[Finding]:
        if not (self._squawk and statements):
            return
        parsed = [Parsed(each, Sql.of(each.sql)) for each in statements]
        made = {each.sql.table for each in parsed if each.sql.verb == "create table"}
        before = self._before(parsed)
        for each in self._said(script, statements):
            statement, sql = statements[each.number], parsed[each.number].sql
            if sql.table not in made and not needless(each.rule, sql, before[each.number]):
                yield Finding(
                    code=each.rule,
                    severity="warning",
                    revision=script.revision,
                    path=relative(script.path),
                    line=statement.line,
                    statement=cut(statement.sql),
                    message=each.message,
                    cure=each.cure,
                    manual=squawk.manual(each.rule),
                )

    def _before(self, parsed: Sequence[Parsed]) -> list[ColumnOf]:
        """Return the columns of each statement's table before it."""
        found, columns = list[ColumnOf](), self._columns
        for each in parsed:
            found.append(functools.partial(each.before, columns))
            if each.sql.verb in {"alter table", "create table", "drop table"}:
                columns = columns.copied()
                columns.observe(each.sql)
        return found

    def _said(self, script: "Script", statements: Sequence[Statement]) -> Iterator[squawk.Said]:
        """Return squawk's findings. A statement that it cannot parse must not hide the findings in the others."""
        try:
            yield from squawk.said(statements)
        except squawk.SquawkError as error:
            if len(statements) == 1:
                where = {"revision": script.revision, "path": relative(script.path)}
                unjudged = Unjudged(**where, line=statements[0].line, problem=REDACTOR.text(str(error)))
                self.judgement.unjudged.append(unjudged)
                return
            for number, each in enumerate(statements):
                yield from (found._replace(number=number) for found in self._said(script, [each]))

    def _finding(self, script: "Script", hit: Hit) -> Finding:
        rule = RULES[hit.code]
        return Finding(
            code=rule.code,
            severity=rule.severity,
            revision=script.revision,
            path=relative(script.path),
            line=hit.line,
            statement=cut(hit.sql),
            message=rule.message.format(table=hit.table, reason=hit.reason),
            cure=rule.cure,
            manual=rule.manual,
        )


def _about_all(path: Path) -> Iterable[Hit]:
    """Return the findings that concern the script as a whole."""
    if used := [*models_used(path)]:
        return [Hit("imports-models", used[0].line, table=", ".join(each.name for each in used))]
    return []


def cut(sql: str) -> str:
    """Return a statement, shortened for a finding."""
    text = " ".join(REDACTOR.text(sql).split())
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"

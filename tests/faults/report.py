"""The played scenarios: fault x database x runs x outcome, as a Markdown table."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.faults.scenario import Outcome

_HEAD = ["fault", "database", "runs", "finished at once", "started again", "resumed", "refused", "came too late"]


@dataclass
class Report:
    """The outcomes of a test run."""

    counts: defaultdict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def take_down(self, outcome: Outcome) -> None:
        """Count an outcome under each fault that struck in it, or came too late."""
        if outcome.refused:
            end = "refused"
        elif outcome.resumed:
            end = "resumed"
        else:
            end = "started again" if outcome.again else "finished at once"
        for fault in set(outcome.struck):
            self.counts[fault, outcome.backend].update(["runs", end])
        for fault in set(outcome.missed) - set(outcome.struck):
            self.counts[fault, outcome.backend].update(["runs", "came too late"])

    def __str__(self) -> str:
        rows = [_HEAD, ["---"] * len(_HEAD)]
        rows += [[*key, *(str(counts[name]) for name in _HEAD[2:])] for key, counts in sorted(self.counts.items())]
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)

"""cfn-lint as it runs in CI, with our own rules, in this process.

Its import takes half a second: only the worker that runs a test of it pays for it, not each that collects them.
"""

import functools
import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cfnlint.rules import RulesCollection

RULES = Path(__file__).parent / "rules"


@functools.cache
def _rules() -> "RulesCollection":
    from cfnlint.core import get_rules

    logging.getLogger("cfnlint").setLevel(logging.WARNING)
    return get_rules([str(RULES)], [], [], {})


def findings(template: str) -> list[str]:
    """Return cfn-lint's findings about a template, each as `rule: message`."""
    from cfnlint.api import lint

    return [f"{match.rule.id}: {match.message}" for match in lint(template, _rules(), ["eu-west-1"])]

"""cfn-lint as it runs in CI, with our own rules, in this process."""

import functools
import logging
from pathlib import Path

from cfnlint.api import lint
from cfnlint.core import get_rules
from cfnlint.rules import RulesCollection

RULES = Path(__file__).parent / "rules"


@functools.cache
def _rules() -> RulesCollection:
    logging.getLogger("cfnlint").setLevel(logging.WARNING)
    return get_rules([str(RULES)], [], [], {})


def findings(template: str) -> list[str]:
    """Return cfn-lint's findings about a template, each as `rule: message`."""
    return [f"{match.rule.id}: {match.message}" for match in lint(template, _rules(), ["eu-west-1"])]

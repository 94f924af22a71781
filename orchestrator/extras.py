"""Optional modules: each one that the plain install lacks, and the extra that installs it."""

import importlib.util

from orchestrator.dialects import KINDS

DISTRIBUTION = "startup-orchestrator"
"""The name on the package index; the import name and the command are `orchestrator`."""

EXTRAS = {
    **{module: kind.name for kind in KINDS for module in kind.modules},
    "lark": "tools",
    "re2": "tools",
    "ijson": "tools",
    "botocore": "aws",
}


def missing(*modules: str) -> str:
    """Return a message about the first of `modules` (keys of EXTRAS) that is missing; empty if all are installed.

    Looks the modules up without importing them.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: pip install '{DISTRIBUTION}[{EXTRAS[module]}]'"
    return ""

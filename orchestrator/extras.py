"""What is installed on demand: each module that is not part of the plain install, and the extra that brings it."""

import importlib.util

DISTRIBUTION = "startup-orchestrator"
"""The name on the package index; the import name and the command are `orchestrator`."""

EXTRAS = {
    "asyncmy": "mysql",
    "cryptography": "mysql",
    "asyncpg": "postgresql",
    "aiosqlite": "sqlite",
    "lark": "tools",
    "re2": "tools",
    "ijson": "tools",
    "botocore": "aws",
}


def missing(*modules: str) -> str:
    """Return one sentence about the first of `modules` (keys of EXTRAS) that is not installed; empty when all are.

    The modules are looked for and not imported.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed: pip install '{DISTRIBUTION}[{EXTRAS[module]}]'"
    return ""

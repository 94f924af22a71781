"""Finds installed libraries of other versions than ours, the reason of many an ImportError.

pip installs them where it was called once for orchestrator and once more for the project's own requirements: the second
call replaces what the first one needs, with a warning and exit code 0. The search runs only after a failure.
"""

import re

_OURS = "startup-orchestrator"
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[[^\]]*\])?\s*(?P<bounds>[<>=!~][^;]*)")
_BOUND = re.compile(r"(?P<sign>>=|<(?!=))\s*(?P<version>[\d.]+)")  # ours have no other

KIND = "unfit_version"
HINT = (
    "Install orchestrator and the project's requirements in one command "
    f"(pip install -r requirements.txt '{_OURS}[...]'): then pip chooses versions that fit both, or refuses. The FAQ "
    "lists the supported versions."
)


def what_it_is(message: str) -> tuple[str, str, str]:
    """Return error type, message and hint of an error that no other code expects: of a library's, or a bug of ours."""
    if sentence := explanation():
        return KIND, f"{message} ({sentence})", HINT
    return "bug", message, ""


def explanation() -> str:
    """Return a message about the libraries that do not fit; empty if all do."""
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        ours, wanted = version(_OURS), requires(_OURS) or ()
    except PackageNotFoundError:  # a copy of the package that was not installed
        return ""
    return "; ".join(
        f"{match['name']} {installed} is installed, and {_OURS} {ours} needs {match[0].strip()}"
        for match in map(_REQUIREMENT.match, wanted)
        if match and not _fits(installed := _version(match), match["bounds"])
    )


def _version(requirement: re.Match[str]) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(requirement["name"])
    except PackageNotFoundError:  # of an extra
        return ""


def _fits(version: str, bounds: str) -> bool:
    """Return whether a version is within bounds, as far as its numbers tell."""
    if not version:
        return True
    numbers = _numbers(version)
    for bound in _BOUND.finditer(bounds):
        limit = _numbers(bound["version"])
        if (numbers < limit) == (bound["sign"] == ">="):
            return False
    return True


def _numbers(version: str) -> list[int]:
    release = re.match(r"\d+(\.\d+)*", version)
    return [int(number) for number in release[0].split(".")] if release else []

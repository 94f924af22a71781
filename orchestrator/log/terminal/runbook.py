"""The link to the runbook's section about a failure."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from orchestrator.errors import EXIT_USAGE, Failure
from orchestrator.events import CATALOGUE
from orchestrator.extras import DISTRIBUTION

_PAGE = "docs/runbook"
_LINK = "\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"
_MULTIPLEXERS = ("TMUX", "STY")  # they may swallow a link, and with it the address
_TERMINALS = ("KONSOLE_VERSION", "WT_SESSION", "KITTY_WINDOW_ID", "WEZTERM_PANE", "GHOSTTY_RESOURCES_DIR")
_PROGRAMS = {"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper"}
_TERMS = ("alacritty", "foot", "xterm-kitty", "xterm-ghostty")
_FIRST_VTE = 5000  # GNOME Terminal and its relatives


class Link(NamedTuple):
    """A link to a section: what is read, and what is written."""

    text: str
    written: str


def runbook(fields: Mapping[str, Any], *, escapes: bool = False) -> Link | None:
    """Return the link to the section about this failure; None for another line.

    Args:
        fields: of the line.
        escapes: whether escape sequences may be written.
    """
    if not (section := _section(fields)):
        return None
    name, url = f"{_PAGE}.md#{section}", _url(section)
    if url and escapes and takes_links(os.environ):
        return Link(name, _LINK.format(url=url, text=name))
    return Link(url or name, url or name)


def takes_links(environ: Mapping[str, str]) -> bool:
    """Return whether this terminal shows OSC 8 links: https://github.com/Alhadis/OSC8-Adoption."""
    if any(environ.get(name) for name in _MULTIPLEXERS):
        return False
    vte = environ.get("VTE_VERSION", "")
    return (
        any(environ.get(name) for name in _TERMINALS)
        or environ.get("TERM_PROGRAM") in _PROGRAMS
        or environ.get("TERM", "").startswith(_TERMS)
        or (vte.isdigit() and int(vte) >= _FIRST_VTE)
    )


def _section(fields: Mapping[str, Any]) -> str:
    kind = CATALOGUE.get(fields["event"])
    if kind is None or not issubclass(kind, Failure) or fields["level"] != "critical":
        return ""
    return f"exit-{EXIT_USAGE}" if fields.get("exit_code") == EXIT_USAGE else kind.name


def _url(section: str) -> str:
    """Return the address by the package's own `Documentation`: the site of `make docs`, or docs/ of the repository."""
    from importlib import metadata

    try:
        addresses = metadata.metadata(DISTRIBUTION).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:  # a checkout that is not installed
        return ""
    named = dict(each.split(", ", 1) for each in addresses if ", " in each)
    base = named.get("Documentation", "").rstrip("/")
    if not base:
        return ""
    return f"{base}/runbook.md#{section}" if base.endswith("/docs") else f"{base}/{_PAGE}.html#{section}"

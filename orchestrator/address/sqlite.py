"""SQLite: the drivers take the same arguments."""

from typing import Any

from orchestrator.address.options import Options, Translated


def translate(options: Options, location: dict[str, Any]) -> Translated:
    """The file, and whether its name is a URI; everything else concerns the app's own connections."""
    path = str(location.get("database", ""))
    location["database"] = path
    return Translated({"uri": True} if options.flag("uri") else {})

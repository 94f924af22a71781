"""SQLite: all drivers take the same arguments."""

from typing import Any

from orchestrator.address.options import Options, Translated


def translate(options: Options, location: dict[str, Any]) -> Translated:
    """Return the file, and whether its name is a URI; all other options concern the app's own connections."""
    location["database"] = str(location.get("database", ""))
    if options.flag("uri"):  # put it into the URL: otherwise SQLAlchemy treats the name as a path
        location["query"] = {"uri": "true"}
    return Translated({})

"""SQLite: the drivers take the same arguments."""

from typing import Any

from orchestrator.address.options import Options, Translated


def translate(options: Options, location: dict[str, Any]) -> Translated:
    """The file, and whether its name is a URI; everything else concerns the app's own connections."""
    location["database"] = str(location.get("database", ""))
    if options.flag("uri"):  # in the URL: SQLAlchemy makes a path of a name that is no URI there
        location["query"] = {"uri": "true"}
    return Translated({})

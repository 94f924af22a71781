"""SQLite: all drivers take the same arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.address.drivers import Parameters
from orchestrator.address.options import Options, Translated


def merged(arguments: Sequence[Any], parameters: Mapping[str, Any]) -> Parameters:
    """Return the arguments by name; the first one is the file."""
    return {**parameters, "database": arguments[0]} if arguments else dict(parameters)


def translate(options: Options, location: dict[str, Any]) -> Translated:
    """Return the file, and whether its name is a URI; all other options concern the app's own connections."""
    location["database"] = str(location.get("database", ""))
    if options.flag("uri"):  # put it into the URL: otherwise SQLAlchemy treats the name as a path
        location["query"] = {"uri": "true"}
    return Translated({})

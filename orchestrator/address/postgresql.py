"""PostgreSQL: translates the options of libpq's drivers and of pg8000 for asyncpg.

asyncpg accepts libpq's TLS options only in a connection string, so they are put there:
https://magicstack.github.io/asyncpg/current/api/index.html#asyncpg.connection.connect.
"""

import shlex
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.engine.url import make_url

from orchestrator.address.drivers import Parameters
from orchestrator.address.options import AddressError, Options, Translated, as_flag, existing_file, shown, words

_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_TLS_TEXTS = ("sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version", "sslnegotiation")
_PASSED = {
    **dict.fromkeys(("krbsrvname", "gsslib", "service", "servicefile", "target_session_attrs"), str),
    "passfile": str,
    "direct_tls": as_flag,
}
# Options for results, timeouts and pools of the app's own connections.
_HARMLESS = words(
    "application_name fallback_application_name autocommit client_encoding command_timeout connect_timeout "
    "connection_class connection_factory context cursor_factory row_factory record_class loop timeout tcp_user_timeout "
    "prepare_threshold prepared_statement_cache_size prepared_statement_name_func statement_cache_size "
    "max_cacheable_statement_size max_cached_statement_lifetime async_fallback async_creator_fn replication "
    "sslcompression sslsni tcp_keepalive use_native_hstore"
)
_HARMLESS_VALUES = {"channel_binding": ("disable", "prefer"), "gssencmode": ("disable", "prefer")}


def merged(arguments: Sequence[Any], parameters: Mapping[str, Any]) -> Parameters:
    """Return the arguments by name, with the parts of libpq's connection strings."""
    found = dict(parameters)
    for text in (*arguments, found.pop("dsn", None), found.pop("conninfo", None)):
        found = {**_connection_string(str(text or "")), **found}
    return found


def _connection_string(text: str) -> Parameters:
    """Return the parts of a libpq connection string: a URI, or `key=value` pairs."""
    if "://" not in text:
        return dict(pair.split("=", 1) for pair in shlex.split(text) if "=" in pair)
    url = make_url(text).set(drivername="postgresql+psycopg2")
    return dict(url.get_dialect()().create_connect_args(url)[1])


def translate(options: Options, location: dict[str, Any]) -> Translated:
    """Return the arguments for asyncpg.

    Raises:
        AddressError: an option is wrong.
    """
    _split_hosts(location)
    arguments = _tls(options) | options.take(_PASSED)
    if settings := _settings(options):
        arguments["server_settings"] = settings
    for name, values in _HARMLESS_VALUES.items():
        if options.given.get(name) in values:
            del options.given[name]
    options.ignore_rest(_HARMLESS, ("keepalives",))
    return Translated(arguments)


def _split_hosts(location: dict[str, Any]) -> None:
    """Split libpq's comma-separated hosts and ports into lists."""
    for part in ("host", "port"):
        if isinstance(value := location.get(part), str) and "," in value:
            location[part] = value.split(",")
    if isinstance(ports := location.get("port"), list):
        location["port"] = [int(port or 5432) for port in ports]


def _tls(options: Options) -> Parameters:
    for name in ("ssl", "ssl_context"):
        value = options.given.pop(name, None)
        if isinstance(value, ssl.SSLContext):
            return {"ssl": value}
        if value is not None:
            options.given.setdefault("sslmode", value)
    texts = {name: str(options.given.pop(name)) for name in _TLS_TEXTS if name in options.given}
    for name in [name for name in _TLS_FILES if name in options.given]:
        value = options.given.pop(name)
        if (name, value) == ("sslrootcert", "system"):  # libpq's name for the system's CA bundle
            return {"ssl": ssl.create_default_context()}
        if name != "sslrootcert" or not _goes_without(options, value):
            texts[name] = existing_file(name, value)
    if "sslrootcert" in texts:
        _check_root(texts["sslrootcert"])
    if (mode := options.given.pop("sslmode", None)) is not None:
        texts["sslmode"] = _mode(mode)
    return {"dsn": f"postgresql://?{urlencode(texts)}"} if texts else {}


def _goes_without(options: Options, root: Any) -> bool:
    """Return whether the CA is missing and not needed: libpq verifies nothing then, unless `sslmode` asks for it."""
    verifies = options.driver == "asyncpg" or str(options.given.get("sslmode")).startswith("verify")
    return not verifies and not Path(str(root)).expanduser().exists()


def _check_root(path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        told = f"{shown(path)} is not a readable CA bundle ({type(error).__name__})"
        raise AddressError("sslrootcert", told) from None


def _mode(value: Any) -> str:
    if (text := str(value)) in _MODES:
        return text
    if text.lower() in {"true", "false"}:
        return "require" if as_flag(text) else "disable"
    raise AddressError("sslmode", f"it is {shown(text)}, and must be one of {', '.join(_MODES)}")


def _settings(options: Options) -> dict[str, str]:
    """Return the settings of the session: libpq's `-c search_path=tenant`, asyncpg's `server_settings`."""
    settings: dict[str, str] = {}
    text = str(options.given.pop("options", "")).replace("--", "-c ").replace("-c", " -c ")
    words = [word for word in shlex.split(text) if word != "-c"]
    for word in words:
        name, equals, value = word.partition("=")
        if equals and not name.startswith("-"):
            settings[name.replace("-", "_")] = value
        else:
            options.ignored.append("options")
    given = options.given.pop("server_settings", {})
    if not isinstance(given, Mapping):
        raise AddressError(
            "server_settings", f"it is {shown(given)}, and must be a dictionary, which a URL cannot hold"
        )
    return settings | dict(given)

"""MySQL and MariaDB: translates the options of each driver for asyncmy.

TLS options are in `mysql_tls`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.address.drivers import Parameters
from orchestrator.address.mysql_tls import tls_of
from orchestrator.address.options import AddressError, Options, Translated, existing_file, shown, words

_PASSED = {
    **dict.fromkeys(("unix_socket", "charset", "sql_mode", "init_command", "read_default_group"), str),
    "read_default_file": str,
    "server_public_key": lambda value: value if isinstance(value, bytes) else str(value).encode(),
}
# Options for results, timeouts and pools of the app's own connections.
_HARMLESS = words(
    "allow_local_infile allow_local_infile_in_path async_creator_fn auth_plugin auth_plugin_map autocommit "
    "binary_prefix buffered client_flag client_flags collation compress conn_attrs connect_timeout connection_timeout "
    "consume_results conv converter_class converter_str_fallback cursor_cls cursorclass defer_connect echo "
    "force_ipv6 get_warnings init_command_attrs local_infile loop max_allowed_packet multi_statements option_groups "
    "prepared pool_name pool_size pool_reset_session pool_reset_connection program_name query_callback "
    "raise_on_warnings raw read_timeout reconnect stmt_cache_size time_zone tls_ciphersuites tls_versions "
    "use_pure use_unicode write_timeout"
)
_HAVE_OUR_CHARACTER_SETS = {"asyncmy", "aiomysql", "pymysql"}


def merged(_arguments: Sequence[Any], parameters: Mapping[str, Any]) -> Parameters:
    """Return the arguments by name: SQLAlchemy gives these drivers no other."""
    return dict(parameters)


def translate(options: Options, location: dict[str, Any]) -> Translated:
    """Return the arguments for asyncmy.

    Raises:
        AddressError: an option is wrong.
    """
    if "read_default_file" in options.given:
        existing_file("read_default_file", options.given["read_default_file"])
    context, prefers_tls = tls_of(options)
    arguments = options.take(_PASSED)
    if "charset" in arguments:
        _check_charset(options, arguments)
    if "unix_socket" in arguments:
        location.pop("host", None)
        location.pop("port", None)
    options.ignore_rest(_HARMLESS)
    return Translated(arguments | ({"ssl": context} if context else {}), prefers_tls)


def _check_charset(options: Options, arguments: Parameters) -> None:
    """Raise for an unknown character set, which asyncmy would notice only during the handshake.

    asyncmy and PyMySQL have the same table of character sets.
    """
    from asyncmy.charset import charset_by_name

    if charset_by_name(arguments["charset"].lower()) is not None:
        return
    if options.driver in _HAVE_OUR_CHARACTER_SETS:
        told = f"there is no character set {shown(arguments['charset'])}; utf8mb4 holds every character"
        raise AddressError("charset", told)
    del arguments["charset"]  # the app's driver may know further ones; we read only ASCII names

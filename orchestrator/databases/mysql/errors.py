"""The errors of MySQL and MariaDB, and what they mean."""

from sqlalchemy.engine.url import URL

from orchestrator.databases.diagnosis import (
    AUTHENTICATION,
    BUSY,
    CREDENTIALS,
    LOST,
    OTHER,
    PROTOCOL,
    READ_ONLY,
    RIGHTS,
    STARTING,
    STORAGE,
    TLS,
    UNKNOWN_DATABASE,
    Cause,
    Diagnosis,
    Verdict,
    chain,
    innermost_message,
    of_system,
    statement_of,
    unknown,
)

_BLOCKED = Cause(
    Verdict.REFUSE,
    "blocked",
    "The server blocks this host after too many broken connections: FLUSH HOSTS (or TRUNCATE host_cache) there.",
)
_BINARY_LOG = Cause(
    Verdict.REFUSE,
    RIGHTS.error_type,
    "While the binary log is on, only SUPER may create functions and triggers: "
    "SET GLOBAL log_bin_trust_function_creators = 1 (on RDS in the parameter group).",
)
# Server errors: https://dev.mysql.com/doc/mysql-errors/9.0/en/server-error-reference.html; 2xxx are the client's.
_CAUSES = {
    **dict.fromkeys((2002, 2003, 2006, 2013, 2014, 2055, 1158, 1159, 1160, 1161, 1184), LOST),
    **dict.fromkeys((1053, 1077, 1078, 1079, 1080, 3032, 1047), STARTING),  # 1047: a Galera node that is not ready
    **dict.fromkeys((1040, 1203, 1226, 1205, 1213, 9001), BUSY),  # 9001: ProxySQL reaches no server
    **dict.fromkeys((1020, 1412, 1684), BUSY),  # rows or a definition that others change meanwhile
    **dict.fromkeys((1021, 1114), STORAGE),  # 1114: of a table, or of the directory for temporary files
    **dict.fromkeys((1290, 1792, 1836, 3100), READ_ONLY),  # 1836: Aurora with innodb_read_only
    **dict.fromkeys((1045, 1130, 1698, 1820, 1862, 3118), CREDENTIALS),
    **dict.fromkeys((1251, 2059, 2061), AUTHENTICATION),
    **dict.fromkeys((1044, 1142, 1143, 1227, 1370, 1410), RIGHTS),
    1419: _BINARY_LOG,
    1049: UNKNOWN_DATABASE,
    1129: _BLOCKED,
    **dict.fromkeys((2026, 3159, 1043), TLS),
    **dict.fromkeys((2007, 2027, 2054), PROTOCOL),
}


def diagnose(error: BaseException, url: URL | None = None) -> Diagnosis:
    """Return the diagnosis by error code; 2003 covers every failure of a TCP or TLS connect, so its cause decides."""
    code = code_of(error)
    if (code is None or 2000 <= code < 3000) and (of := of_system(error)):  # noqa: PLR2004  # the client's codes
        return of
    if code is None:
        return unknown(error)
    cause = _CAUSES.get(code, OTHER)
    found = cause.found(code, _message(error))
    if cause is not RIGHTS:
        return found
    from orchestrator.databases.mysql.rights import grant  # few starts need it

    return found._replace(hint=grant(found.error_message, statement_of(error), url))


def code_of(error: BaseException) -> int | None:
    """Return the server's or client's error code, from any error in the chain."""
    if (code := _own_code(error)) is not None:
        return code
    return next((code for each in chain(error) if (code := _own_code(each)) is not None), None)


def _own_code(error: BaseException) -> int | None:
    """Return the code of this very error: its first argument, or `errno` in MariaDB Connector/Python."""
    if isinstance(error, OSError):
        return None
    codes = (*error.args[:1], getattr(error, "errno", None))
    return next((code for code in codes if isinstance(code, int) and code > 0), None)


def _message(error: BaseException) -> str:
    for each in chain(error):
        if len(each.args) > 1 and isinstance(each.args[0], int):
            return " ".join(str(each.args[1]).split())[:500] or innermost_message(error)
    return innermost_message(error)

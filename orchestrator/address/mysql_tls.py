"""TLS with MySQL and MariaDB: the TLS options of the app's driver, as a context for our own driver.

The same option has different meanings: with `ssl_ca` alone, PyMySQL verifies chain and host name, Connector/Python
verifies nothing. Ours verifies as much as the app's driver does, so that it reaches exactly the servers that the app
reaches.
"""

import enum
import ssl
from typing import Any

from orchestrator.address.options import AddressError, Options, as_flag, existing_file, shown

_FILES = ("ca", "capath", "cert", "key")


class Mode(enum.Enum):
    """The modes of MySQL's clients: https://dev.mysql.com/doc/refman/9.0/en/connection-options.html."""

    DISABLED = "no TLS"
    PREFERRED = "TLS if the server offers it, not verified"
    REQUIRED = "TLS, not verified"
    VERIFY_CA = "TLS with a verified chain"
    VERIFY_IDENTITY = "TLS with a verified chain and host name"


def tls_of(options: Options) -> tuple[ssl.SSLContext | None, bool]:
    """Return a context for our driver, or None; and whether to use TLS only if the server offers it.

    Raises:
        AddressError: an option is wrong, or names a missing file.
    """
    given = options.given.pop("ssl", None)
    loose = {name.removeprefix("ssl_"): options.given.pop(name) for name in [*options.given] if name.startswith("ssl_")}
    if isinstance(given, ssl.SSLContext):
        return given, False
    wanted = {**(given if isinstance(given, dict) else {}), **loose}
    switch = None if isinstance(given, dict) else as_flag(given)
    mode = _mode(options.driver, wanted, switch=switch, in_dictionary=isinstance(given, dict))
    if mode in {Mode.DISABLED, Mode.PREFERRED}:
        return None, mode is Mode.PREFERRED
    return _context(mode, wanted), False


def _mode(driver: str, wanted: dict[str, Any], *, switch: bool | None, in_dictionary: bool) -> Mode:
    """Return the mode that the options request from this driver; `switch` is a plain yes or no."""
    if name := str(wanted.get("mode", "")).upper().replace("-", "_"):
        if name not in Mode.__members__:
            raise AddressError("ssl_mode", f"it is {shown(name)}, and must be one of {', '.join(Mode.__members__)}")
        return Mode[name]
    if as_flag(wanted.get("disabled")) or switch is False:
        return Mode.DISABLED
    told = {name for name, value in wanted.items() if value not in (None, "") and name != "disabled"}
    if not told and not switch:
        return Mode.PREFERRED if driver in _BY_DRIVER else Mode.DISABLED
    return _BY_DRIVER.get(driver, _pymysql)(wanted, in_dictionary)


def _pymysql(wanted: dict[str, Any], in_dictionary: bool) -> Mode:  # noqa: FBT001  # called by the table
    """PyMySQL and its descendants: a CA turns on verification of the chain.

    In a dictionary, which SQLAlchemy makes of a URL's options, it turns on verification of the host name too.
    """
    if as_flag(wanted.get("verify_identity")):
        return Mode.VERIFY_IDENTITY
    verify = wanted.get("verify_cert", wanted.get("verify_mode"))
    if verify is not None:
        return Mode.VERIFY_CA if str(verify).lower() in {"required", "1", "true", "yes"} else Mode.REQUIRED
    if not (wanted.get("ca") or wanted.get("capath")):
        return Mode.REQUIRED
    unnamed = as_flag(wanted.get("check_hostname")) is False or not in_dictionary
    return Mode.VERIFY_CA if unnamed else Mode.VERIFY_IDENTITY


def _connector_python(wanted: dict[str, Any], _: bool) -> Mode:  # noqa: FBT001  # called by the table
    if as_flag(wanted.get("verify_identity")):
        return Mode.VERIFY_IDENTITY
    return Mode.VERIFY_CA if as_flag(wanted.get("verify_cert")) else Mode.REQUIRED


def _connector_c(wanted: dict[str, Any], _: bool) -> Mode:  # noqa: FBT001  # called by the table
    return Mode.VERIFY_IDENTITY if as_flag(wanted.get("verify_cert")) else Mode.REQUIRED


def _mysqlclient(wanted: dict[str, Any], _: bool) -> Mode:  # noqa: FBT001  # called by the table
    """Files alone verify nothing; `ssl_mode` would, and was read before."""
    return Mode.VERIFY_CA if as_flag(wanted.get("verify_server_cert")) else Mode.REQUIRED


_BY_DRIVER = {"mysqlconnector": _connector_python, "mariadbconnector": _connector_c, "mysqldb": _mysqlclient}
"""Drivers that prefer TLS when they are told nothing; the others go without."""


def unverified() -> ssl.SSLContext:
    """Return a context that trusts any server: what a driver that prefers TLS uses without options."""
    return _context(Mode.REQUIRED, {})


def _context(mode: Mode, wanted: dict[str, Any]) -> ssl.SSLContext:
    files = {name: existing_file(f"ssl_{name}", wanted[name]) for name in _FILES if wanted.get(name)}
    try:
        context = ssl.create_default_context(cafile=files.get("ca"), capath=files.get("capath"))
    except (OSError, ValueError) as error:
        name, path = next((f"ssl_{each}", files[each]) for each in ("ca", "capath") if each in files)
        raise AddressError(name, f"{shown(path)} is not a readable CA bundle ({type(error).__name__})") from None
    context.check_hostname = mode is Mode.VERIFY_IDENTITY
    context.verify_mode = ssl.CERT_NONE if mode is Mode.REQUIRED else ssl.CERT_REQUIRED
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # like the drivers: many servers' certificates are not strict
    try:
        if "cert" in files:
            context.load_cert_chain(files["cert"], files.get("key"), wanted.get("key_password"))
        if wanted.get("cipher"):
            context.set_ciphers(str(wanted["cipher"]))
    except (OSError, ValueError) as error:
        name, value = next((each, wanted[each]) for each in ("cert", "cipher") if wanted.get(each))
        raise AddressError(f"ssl_{name}", f"{shown(value)} cannot be used ({type(error).__name__})") from None
    return context

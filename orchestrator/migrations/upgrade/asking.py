"""Asks env.py for the address of its database: runs it up to its first connect, and does not connect.

That gives the dialect and the driver's arguments, wherever env.py gets the address from: a `.env` file, the app's
settings, `sqlalchemy.url`, or a secret that it reads in code.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.exc import NoSuchModuleError

from orchestrator.address import AddressError, OwnAddress, of_call
from orchestrator.address.drivers import missing_driver
from orchestrator.errors import MigrationTreeInvalid, StartupError
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.upgrade.environment import ConnectionWanted, Environment
from orchestrator.runtime.concurrency import SupervisorEnded, in_main_thread
from orchestrator.runtime.twins import hint_for_twins
from orchestrator.sentences import text_of
from orchestrator.settings.model import Settings
from orchestrator.settings.validation import invalid, require_whole_address

ASK_SECONDS = 120.0  # env.py imports the app's models, which takes long on a small machine
_HINT = (
    "No variable says where the database is, so env.py was run up to its first connect. "
    "Fix it (see `exception`), or set DATABASE_URL."
)
_logger = logging.getLogger(__name__)


class _Connecting(BaseException):
    """Env.py is about to connect. A BaseException, so that env.py's `except Exception` does not catch it."""

    def __init__(self, dialect: Dialect, arguments: list[Any], parameters: dict[str, Any]) -> None:
        super().__init__()
        self.dialect, self.arguments, self.parameters = dialect, arguments, parameters


async def learn_address(settings: Settings, credentials: Credentials) -> None:
    """Ask env.py in the main thread and store its address; store nothing if env.py gives none.

    Raises:
        StartupError: with MigrationTreeInvalid, as `ask_address`, or if env.py is too slow; with SettingsInvalid if a
            driver is missing.
    """
    ours = threading.get_ident()
    asking = in_main_thread(lambda: ask_address(settings, credentials, ours), name="env-address")
    try:
        if address := await asyncio.wait_for(asking, ASK_SECONDS):
            credentials.learn(address)
    except TimeoutError:
        raise _failed(f"env.py has not connected within {ASK_SECONDS:.0f} s") from None
    except CredentialsError as error:
        raise StartupError(invalid(error.faults)) from None
    except StartupError:
        require_whole_address(credentials)
        raise


def ask_address(settings: Settings, credentials: Credentials, ours: int) -> OwnAddress | None:
    """Return the first address that env.py connects to; None if it connects to none or expects a connection from us.

    Args:
        settings: where env.py is.
        credentials: the login and TLS of its connections.
        ours: the thread whose connections are not env.py's; env.py may start threads itself.

    Raises:
        StartupError: with MigrationTreeInvalid: env.py fails earlier, or its database is not supported.
    """
    try:
        environment = Environment(AlembicFiles.of(settings), credentials, settings.target)
    except StartupError as error:
        if error.failure.error_type == "no_configuration":
            return None
        raise
    try:
        with _first_connect_raises(ours):
            environment.run_to_connect()
    except _Connecting as found:
        return _address(found)
    except ConnectionWanted:
        return None
    except (StartupError, SupervisorEnded):
        raise
    except BaseException as error:
        if _tells_none(error):
            return None
        raise _failed(f"env.py fails before it connects: {type(error).__name__}: {text_of(error)}", error) from error
    return None


def _tells_none(error: BaseException) -> bool:
    """Return whether env.py ended early without a fault, or has no address: a new alembic.ini has a placeholder."""
    if isinstance(error, SystemExit):
        return not error.code
    if isinstance(error, NoSuchModuleError):
        return str(error).endswith("sqlalchemy.dialects:driver")
    return isinstance(error, KeyError) and error.args == ("url",)


def _address(found: _Connecting) -> OwnAddress:
    try:
        address = of_call(found.dialect, found.arguments, found.parameters)
    except AddressError as error:
        raise _failed(f"env.py connects to a database that cannot be waited for: {error}") from error
    url = address.url
    _logger.debug("env.py says where the database is: %s", url.render_as_string(hide_password=True))
    return address


def _failed(message: str, error: BaseException | None = None) -> StartupError:
    hint = (missing_driver(error) or hint_for_twins(error) if error else "") or _HINT
    return StartupError(MigrationTreeInvalid(error_type="env_failed", error_message=message, hint=hint), error)


@contextlib.contextmanager
def _first_connect_raises(ours: int) -> Iterator[None]:
    def capture(dialect: Dialect, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> None:
        if threading.get_ident() != ours:
            raise _Connecting(dialect, arguments, parameters)

    event.listen(Engine, "do_connect", capture)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", capture)

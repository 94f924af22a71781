"""The database as the app sees it: its address in DATABASE_URL, and a login that works."""

import contextlib
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from orchestrator.events import AppDatabaseReady, AppDatabaseUnknown, Emit
from orchestrator.log import REDACTOR
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.known_secrets import known_secrets

if TYPE_CHECKING:
    from orchestrator.databases.app_login import Sighting
    from orchestrator.databases.connecting import Look
    from orchestrator.databases.waiting import Found


def tell_app(credentials: Credentials) -> None:
    """Export DATABASE_URL, unless the project keeps the address elsewhere or a secret's file is being replaced."""
    with contextlib.suppress(CredentialsError):
        if text := credentials.exported_text():
            REDACTOR.register(known_secrets({"DATABASE_URL": text}))
            os.environ["DATABASE_URL"] = text


async def change_logins(
    credentials: Credentials, wait_for: Callable[["Look[Sighting]"], Awaitable["Found[Sighting]"]], emit: Emit
) -> None:
    """Drop the login for migrating, and check that the app's own login reaches the migrated database.

    Raises:
        StartupError: with DatabaseRefused or DatabaseUnreachable, if it does not.
    """
    if not credentials.separate:
        tell_app(credentials)  # migrating may have taken longer than a password is valid
        return
    from orchestrator.app.credential_scrub import forget_migration
    from orchestrator.databases import app_login

    if not credentials.app_known:
        emit(AppDatabaseUnknown())
    migrated = await wait_for(app_login.sight) if credentials.app_known else None
    forget_migration(credentials)
    tell_app(credentials)  # as above
    if migrated:
        with app_login.blamed():
            found = await wait_for(app_login.same_as(migrated.seen))
        server = "the server" if found.seen.identity == migrated.seen.identity else "another server"
        emit(AppDatabaseReady(attempts=found.attempts, waited_seconds=round(found.waited_seconds, 3), server=server))

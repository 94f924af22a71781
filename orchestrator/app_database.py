"""Where the app and env.py find the database: in DATABASE_URL, whatever form it was given in."""

import contextlib
import os

from orchestrator.credentials import Credentials
from orchestrator.database_secrets import CredentialsError
from orchestrator.known_secrets import known_secrets
from orchestrator.log import REDACTOR


def tell_app(credentials: Credentials) -> None:
    """Export it; nothing where the project has it elsewhere, or a secret's file is in the middle of a rotation."""
    with contextlib.suppress(CredentialsError):
        if text := credentials.exported_text():
            REDACTOR.register(known_secrets({"DATABASE_URL": text}))
            os.environ["DATABASE_URL"] = text

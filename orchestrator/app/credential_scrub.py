"""Removes the credentials for migrating before the app is served: the app must not be able to run DDL.

It removes the variables, their copy in /proc/PID/environ, and the credentials in objects of this package, of Alembic
and of SQLAlchemy. Freed memory is not overwritten: Python cannot do that.
"""

import contextlib
import gc
import os
import re

from orchestrator.log import REDACTOR
from orchestrator.logins.credentials import MIGRATION_VARIABLES, Credentials
from orchestrator.logins.known_secrets import known_secrets


def forget_migration(credentials: Credentials) -> None:
    """Drop everything that only migrating needed; `credentials` then holds the app's login only."""
    given = [name for name in MIGRATION_VARIABLES if name in os.environ]
    if not given:
        return
    known = known_secrets(os.environ)
    for name in given:
        with contextlib.suppress(OSError, AttributeError):  # no C library is found, for example in a static build
            _overwrite(name)
        del os.environ[name]
    credentials.forget_migration()
    REDACTOR.forget(set(known).difference(known_secrets(os.environ)))
    re.purge()  # its cache holds the redactor's pattern, which contains passwords
    # Engines and Alembic's configuration are reference cycles. Collect twice, because SQLAlchemy keeps a connection
    # that env.py did not close until the first collection.
    gc.collect()
    gc.collect()


def _overwrite(name: str) -> None:
    """Overwrite the value in the environment block that the process was started with.

    The kernel shows that memory in /proc/PID/environ; `unsetenv` removes only the pointer:
    https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html.
    """
    import ctypes

    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    library.strlen.argtypes, library.strlen.restype = [ctypes.c_void_p], ctypes.c_size_t
    address = library.getenv(os.fsencode(name))
    if address:
        ctypes.memset(address, 0, library.strlen(address))

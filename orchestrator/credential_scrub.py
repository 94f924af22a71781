"""Before the app is served, the credentials for migrating are gone: it has no business with the right to change tables.

What is gone: the variables, their copy in /proc/PID/environ, and every object of ours, of Alembic and of SQLAlchemy
that held them. Memory that was freed is not wiped: Python gives no way to.
"""

import contextlib
import gc
import os
import re

from orchestrator.credentials import MIGRATION_VARIABLES, Credentials
from orchestrator.known_secrets import known_secrets
from orchestrator.log import REDACTOR


def forget_migration(credentials: Credentials) -> None:
    """Drop what only migrating needed; whoever still holds `credentials` finds the app's own there."""
    given = [name for name in MIGRATION_VARIABLES if name in os.environ]
    if not given:
        return
    known = known_secrets(os.environ)
    for name in given:
        with contextlib.suppress(OSError, AttributeError):  # no C library to be found: a static build, say
            _overwrite(name)
        del os.environ[name]
    credentials.forget_migration()
    REDACTOR.forget(set(known).difference(known_secrets(os.environ)))
    re.purge()  # its cache has the redactor's pattern
    # Engines and Alembic's configuration are circles. Twice, because SQLAlchemy keeps a connection that env.py did not
    # close until the first time round.
    gc.collect()
    gc.collect()


def _overwrite(name: str) -> None:
    """Overwrite the value where the process was started with it.

    The kernel shows that memory to others; `unsetenv` takes a variable out of the list and leaves its text there:
    https://man7.org/linux/man-pages/man5/proc_pid_environ.5.html.
    """
    import ctypes

    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    library.strlen.argtypes, library.strlen.restype = [ctypes.c_void_p], ctypes.c_size_t
    address = library.getenv(os.fsencode(name))
    if address:
        ctypes.memset(address, 0, library.strlen(address))

"""Undoes what env.py changes in the process: under `alembic` it ends with the process, and the app never sees it."""

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def left_as_found() -> Iterator[None]:
    """Restore the environment, the working directory and the defaults of logging and sockets after this block.

    An env.py may load a `.env` of its own, with the login of the schema's owner, or change into its directory.
    """
    variables, directory = dict(os.environ), Path.cwd()
    timeout, disabled = socket.getdefaulttimeout(), logging.root.manager.disable
    try:
        yield
    finally:
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        os.environ.update(variables)
        os.chdir(directory)
        socket.setdefaulttimeout(timeout)
        logging.disable(disabled)

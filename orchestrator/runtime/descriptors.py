"""The descriptors 0 to 2: standard input, output and error, open or closed."""

import os


def occupy_descriptors() -> None:
    """Open /dev/null for standard input, output and error if they were closed when the process began.

    Otherwise the next opened files get their numbers: log lines would go into a connection, and libuv aborts when it
    has to close such a number.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one

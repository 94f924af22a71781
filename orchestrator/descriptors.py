"""The numbers 0 to 2 of a process: standard input, output and error, open or not."""

import os


def occupy_descriptors() -> None:
    """Let standard input, output and error lead nowhere where they were closed when the process began.

    Else their numbers are given to what is opened next: lines would go into a connection, and libuv aborts when it is
    to close such a number.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one

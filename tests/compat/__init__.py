"""Trying the tests beside other versions of the libraries than the locked ones: `make compat`."""

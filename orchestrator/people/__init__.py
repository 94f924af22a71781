"""The commands `status`, `plan` and `check`, for people and pipelines. They read and print, and change nothing.

A start does not import this package.
"""

"""The orchestrator for other programs and for tests: start it, await its events, stop it.

It runs as a separate process, as in a container. So nothing of the calling program changes: neither its logging, its
signals, its environment nor its standard output.
"""

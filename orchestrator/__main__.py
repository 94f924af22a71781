"""The process begins here. It installs the SIGTERM handler first: the kernel drops a SIGTERM to process 1 without one.

A health check comes even earlier: it runs every few seconds, so it must not import what it does not need.
"""

import gc
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.platform == "win32":
        sys.exit("orchestrator needs Linux or macOS. On Windows, run it in WSL 2 or in a container.")
    if sys.argv[1:2] == ["probe"]:
        _probe(sys.argv[2:])
    try:
        code = _run(sys.argv[1:])
    except Exception:
        from orchestrator import clash

        if sentence := clash.explanation():
            clash.leave(sentence)
        raise
    if sys.stdout is not None:  # closed by the process that started us
        sys.stdout.flush()
    gc.freeze()  # or Python's last collection goes through all objects, which takes longer than the whole shutdown
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    from orchestrator.runtime.descriptors import occupy_descriptors
    from orchestrator.runtime.fork_under_init import fork_under_init
    from orchestrator.runtime.garbage import collect_less
    from orchestrator.runtime.stop import Stop

    occupy_descriptors()  # first, so that the signal pipe gets none of these numbers
    stop = Stop()
    with fork_under_init():
        stop.install()
    collect_less()
    from orchestrator.command_line.cli import main as run

    return run(arguments, stop)


def _probe(arguments: list[str]) -> None:
    """Exit with the result of the health check. Return for `--help` and usage errors, which click answers."""
    import os

    from orchestrator.serving import probe

    if options := probe.parse(arguments):
        live, timeout_seconds = options
        sys.exit(probe.main(os.environ, live=live, timeout_seconds=timeout_seconds))


if __name__ == "__main__":
    main()

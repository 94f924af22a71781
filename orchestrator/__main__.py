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
    except Exception as error:
        _explain(error)
        raise
    if sys.stdout is not None:  # closed by the process that started us
        sys.stdout.flush()
    gc.freeze()  # or Python's last collection goes through all objects, which takes longer than the whole shutdown
    sys.exit(code)


def _explain(error: Exception) -> None:
    """Leave with one last event if our modules could not be imported for a reason that is known."""
    from orchestrator.runtime import exhaustion

    if exhausted := exhaustion.is_exhaustion(error) or exhaustion.is_near_limit():
        exhaustion.spend_reserve()
    from orchestrator import clash

    if exhausted:
        _crash(error)
        clash.leave("There is not enough memory to start.", "limit", exhaustion.HINT)
    if sentence := clash.explanation():
        clash.leave(sentence, "package_clash", "Keep one of the two in this environment.")
    from orchestrator import unfit

    if sentence := unfit.explanation():
        clash.leave(sentence, unfit.KIND, unfit.HINT)


def _crash(error: Exception) -> None:
    """Exit with the usual last event, if there is room for it now."""
    import contextlib

    with contextlib.suppress(Exception):
        from orchestrator.start.early_endings import crash

        crash(error)


def _run(arguments: list[str]) -> int:
    from orchestrator.runtime.garbage import collect_less

    collect_less()  # before the other imports
    from orchestrator.runtime.descriptors import occupy_descriptors
    from orchestrator.runtime.exhaustion import keep_reserve
    from orchestrator.runtime.fork_under_init import fork_under_init
    from orchestrator.runtime.stop import Stop

    keep_reserve()
    occupy_descriptors()  # first, so that the signal pipe gets none of these numbers
    stop = Stop()
    with fork_under_init():
        stop.install()
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

"""The process begins here: first of all it hears SIGTERM, which process 1 of a container would else lose."""

from orchestrator.stop import Stop

STOP = Stop()


def main() -> None:
    """Run the command line and exit with its code."""
    STOP.install()
    import sys

    from orchestrator.cli import main as run

    code = run(sys.argv[1:], STOP)
    sys.stdout.flush()
    sys.exit(code)


if __name__ == "__main__":
    main()

"""A database or another service that cannot be reached, or refuses."""

from orchestrator.errors.failure import Failure
from orchestrator.events.event import catalogued, described, seconds


@catalogued
class DatabaseUnreachable(Failure):
    """The database did not become ready within the budget."""

    exits_with = 4
    sentence = (
        "The database was not ready within {waited_seconds:.1f} s ({attempts:attempt}); last cause: {error_message}"
    )
    cure = (
        "Check that the database runs, and that this process can reach it: address, network, security group. If it "
        "needs longer to become ready, raise ORCHESTRATOR_WAIT_TIMEOUT_SECONDS."
    )

    attempts: int = described("number of attempts")
    waited_seconds: float = seconds("since waiting began")


@catalogued
class DatabaseRefused(Failure):
    """The database answered and refused the connection; another attempt would not help."""

    exits_with = 5
    sentence = (
        "The database refused the connection after {waited_seconds:.1f} s ({attempts:attempt}, {error_type}): "
        "{error_message}"
    )
    cure = "Correct the user, the password, the database name or the TLS options, or the rights of the user."

    attempts: int = described("number of attempts")
    waited_seconds: float = seconds("since waiting began")


@catalogued
class DependencyUnreachable(Failure):
    """A service of ORCHESTRATOR_WAIT_FOR did not become ready within the budget."""

    exits_with = 14
    sentence = (
        "{dependency} was not ready within {waited_seconds:.1f} s ({attempts:attempt}); last cause: {error_message}"
    )
    cure = (
        "Check that the service runs, and that this process can reach it: address, network, security group. If it "
        "needs longer to become ready, raise ORCHESTRATOR_WAIT_TIMEOUT_SECONDS; if the app does not need it, take it "
        "out of ORCHESTRATOR_WAIT_FOR."
    )

    dependency: str = described("address of the service, without a password")
    attempts: int = described("number of attempts")
    waited_seconds: float = seconds("since waiting began")

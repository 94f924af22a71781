"""The project's own commands before and after the migration."""

from orchestrator.events.event import Event, catalogued, described, seconds

HOOK_HELP = "`before_migrate` or `after_migrate`"


@catalogued
class HookStarted(Event):
    """The project's own command before or after the migration begins, under the migration lock."""

    sentence = "Running the hook {hook}: {command}"

    hook: str = described(HOOK_HELP)
    command: str = described("the command", foreign=True)


@catalogued
class HookProgress(Event):
    """The command has been running for a while; written once per heartbeat."""

    sentence = "The hook {hook} has been running for {hook_seconds:.1f} s."

    hook: str = described(HOOK_HELP)
    hook_seconds: float = seconds("since it began")


@catalogued
class HookCompleted(Event):
    """The command ended with exit code 0."""

    outcome = "success"
    sentence = "The hook {hook} ended without an error after {duration_seconds:.2f} s."

    hook: str = described(HOOK_HELP)
    command: str = described("the command", foreign=True)
    duration_seconds: float = seconds("from its start to its end, without the wait for the lock")

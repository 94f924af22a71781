"""Failures: what ends a start, each with its event, its exit code and its cure.

A failure is an event like any other, so an error is data: `raise StartupError(LockTimeout(...))`. The exit codes are
public interface (an ECS restart policy or a pipeline reads them): section 5 of the contract.
"""

# In the order of a start, which is the order of the documentation:
# isort: skip_file

from orchestrator.errors.failure import EXIT_OK, EXIT_USAGE, Failure, StartupError
from orchestrator.errors.starting import AppFailed, BindFailed, HookFailed, SettingsInvalid
from orchestrator.errors.reaching import DatabaseRefused, DatabaseUnreachable, DependencyUnreachable
from orchestrator.errors.migrating import (
    DatabaseAhead,
    DatabaseAheadTolerated,
    LockTimeout,
    MigrationFailed,
    MigrationHalfApplied,
    MigrationStopped,
    MigrationTreeInvalid,
)
from orchestrator.errors.last import StartupFailed

__all__ = [
    "EXIT_OK",
    "EXIT_USAGE",
    "AppFailed",
    "BindFailed",
    "DatabaseAhead",
    "DatabaseAheadTolerated",
    "DatabaseRefused",
    "DatabaseUnreachable",
    "DependencyUnreachable",
    "Failure",
    "HookFailed",
    "LockTimeout",
    "MigrationFailed",
    "MigrationHalfApplied",
    "MigrationStopped",
    "MigrationTreeInvalid",
    "SettingsInvalid",
    "StartupError",
    "StartupFailed",
]

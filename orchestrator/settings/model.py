"""Every setting, defined once: its variable, type, default, unit and one line of help, in `start.py` and `process.py`.

docs/settings.md, `--help` and the messages about wrong values are generated from these fields. Settings come only from
environment variables. They are validated first, and all faults are reported together.
"""

from orchestrator.settings.process import ProcessSettings
from orchestrator.settings.start import StartSettings


class Settings(StartSettings, ProcessSettings):
    """All settings but those of the database, which are in `DatabaseSettings`."""

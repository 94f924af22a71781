"""Alembic's configuration as its command finds it: the files, the section, the arguments for env.py."""

import functools
import shlex
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.migrations.scripts.tree import invalid
from orchestrator.settings.model import Settings
from orchestrator.settings.project_file import parsed_toml

if TYPE_CHECKING:
    from alembic.config import Config

HERE = "%(here)s"
_BELOW = ("[!.]*/alembic.ini", "[!.]*/[!.]*/alembic.ini")


class AlembicFiles(NamedTuple):
    """The configuration of the `alembic` command: two files, either of which may be missing, and the options.

    Attributes:
        section: the section of the .ini file, as `alembic --name`.
        x: the arguments for env.py, as `alembic -x`, one string each.
        of_app: the configuration that the app has instead; see `of_app`.
    """

    ini: Path | None
    toml: Path | None
    section: str = "alembic"
    x: tuple[str, ...] = ()
    of_app: "Config | None" = None

    @classmethod
    def of(cls, settings: Settings) -> "AlembicFiles":
        """Return the configuration that the settings name.

        Raises:
            StartupError: with MigrationTreeInvalid: the file is missing.
        """
        found = _used or cls.find(settings.alembic_config or settings.alembic_default_config)
        return found._replace(section=settings.alembic_name, x=tuple(shlex.split(settings.alembic_x)))

    @classmethod
    def find(cls, named: Path | None) -> "AlembicFiles":
        """Return `alembic.ini` and `pyproject.toml` of the current directory; `named` replaces the one of its kind.

        Raises:
            StartupError: with MigrationTreeInvalid: both are missing.
        """
        ini, toml = Path("alembic.ini"), Path("pyproject.toml")
        if named is not None and named.suffix == ".toml":
            toml = named
        elif named is not None:
            ini = named
        files = cls(ini if ini.is_file() else None, toml if toml.is_file() else None)
        if files.ini is None and files.toml is None:
            raise invalid(
                "no_configuration",
                "there is neither alembic.ini nor pyproject.toml here",
                hint=where_to_look(),
            )
        return files

    def option(self, name: str) -> object:
        """Return an option of `[alembic]` or `[tool.alembic]` with `%(here)s` replaced; None if it is not set.

        Raises:
            StartupError: with MigrationTreeInvalid: a file cannot be read.
        """
        return self._find(name)[0]

    def template(self, name: str) -> tuple[object, str]:
        """Return an option with `%(here)s` left in it, and the value of `%(here)s`.

        Raises:
            StartupError: with MigrationTreeInvalid: a file cannot be read.
        """
        return self._find(name, here=HERE)

    def _find(self, name: str, *, here: str = "") -> tuple[object, str]:
        try:
            if self.of_app and name == "script_location":
                return self.of_app.get_main_option(name), ""
            if value := self._ini_option(name, here):
                return value, _directory(self.ini)
            return self._toml_option(name, here), _directory(self.toml)
        except (OSError, ValueError, AttributeError, ConfigParserError) as error:
            raise invalid("no_configuration", f"Alembic's configuration cannot be read: {error}") from error

    def _ini_option(self, name: str, here: str) -> str | None:
        instead = {"here": here.replace("%", "%%")} if here else None
        text = self.ini.read_text(encoding="utf-8") if self.ini else ""
        return _parsed_ini(text, _directory(self.ini)).get(self.section, name, fallback=None, vars=instead)

    def _toml_option(self, name: str, here: str) -> object:
        if self.toml is None:
            return None
        value = parsed_toml(self.toml.read_text(encoding="utf-8")).get("tool", {}).get("alembic", {}).get(name)
        return value.replace(HERE, here or _directory(self.toml)) if isinstance(value, str) else value

    @property
    def base(self) -> Path:
        """Return the base of relative paths: the working directory, as for Alembic, or the directory of alembic.ini.

        It is the latter if the scripts exist only there: the team then changes into that directory to call `alembic`.
        """
        location, ini = self.option("script_location"), self.ini
        if not isinstance(location, str) or ":" in location or ini is None or self.option("version_locations"):
            return Path()
        beside = ini.absolute().parent
        return beside if not Path(location).exists() and (beside / location).exists() else Path()


@functools.cache
def _parsed_ini(text: str, directory: str) -> ConfigParser:
    """Parse the text of a file once, however often it is asked for an option."""
    parser = ConfigParser({"here": directory})
    parser.read_string(text)
    return parser


def where_to_look() -> str:
    """Return the hint for a missing configuration: it names an alembic.ini below the working directory."""
    found = sorted(file.as_posix() for pattern in _BELOW for file in Path().glob(pattern))
    there = f" There is {found[0]}: ORCHESTRATOR_ALEMBIC_CONFIG={found[0]}" if found else ""
    return f"Start in the directory of alembic.ini, or name it with ORCHESTRATOR_ALEMBIC_CONFIG.{there}"


_used: AlembicFiles | None = None


def use_files(files: AlembicFiles) -> None:
    """Let `AlembicFiles.of` return these files from now on, because the app has given them."""
    global _used  # noqa: PLW0603  # one process has one app
    _used = files


def _directory(file: Path | None) -> str:
    return file.absolute().parent.as_posix() if file else ""

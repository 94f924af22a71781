"""Runs all checks in order: settings, scripts, env.py, the revisions, the app. It connects to no database."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url

from orchestrator.dialects import DIALECTS
from orchestrator.errors import StartupError
from orchestrator.extras import DISTRIBUTION
from orchestrator.log import REDACTOR
from orchestrator.migrations.scripts.alembic_scripts import alembic_config, load_scripts, resolve_target
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.files import DynamicIds, NeedsAlembic, read_tree
from orchestrator.migrations.scripts.locations import env_file
from orchestrator.migrations.scripts.tree import Tree, invalid
from orchestrator.people.app import check_app, use_apps_configuration
from orchestrator.people.check import squawk
from orchestrator.people.check.judging import Judge, Judgement
from orchestrator.people.check.model import Failure, Report
from orchestrator.people.ddl.knowledge import knowledge_of
from orchestrator.people.recording.offline import configured_options, dialect_called
from orchestrator.people.recording.recorder import Recorder
from orchestrator.people.session import Session, sentence

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

_ENV_HINT = "It was run up to `context.configure`, and nothing was connected to: set the variables that it needs."
_NO_DIALECT = "no setting names the database: give it with --dialect"
_NO_SQUAWK = f"squawk, which knows PostgreSQL's locks, is not installed: pip install '{DISTRIBUTION}[tools]'"
_NONE = "no revision is newer than that of --since"
_NO_REVISIONS = "the directory in Alembic's configuration has no revisions; env.py may choose another directory"


class Check:
    """One run of the check."""

    def __init__(self, session: Session, dialect: str, since: str) -> None:
        self._session, self._wanted, self._since = session, dialect, since
        self._failures: list[Failure] = []
        self._notes: list[str] = []

    def report(self) -> Report:
        """Return the faults and the dangerous operations.

        Raises:
            StartupError: with MigrationTreeInvalid: there are no scripts, or the revision `since` does not exist; with
                AppFailed: the app, which has Alembic's configuration, cannot be imported.
        """
        settings, credentials = self._session.settings, self._session.credentials
        url = credentials.alembic_url() if credentials.known else None
        app_is_imported = use_apps_configuration(settings, offline=True)
        files = AlembicFiles.of(settings)
        config = alembic_config(files, url, settings.target)
        if not env_file(files).own_scripts:
            with contextlib.suppress(NeedsAlembic, DynamicIds):  # otherwise a start would report the same fault
                read_tree(files)
        scripts, tree = load_scripts(config)
        self._noting(lambda: resolve_target(scripts, tree, settings.target))
        options, error = configured_options(config, scripts)
        if error is not None:
            message = f"env.py failed: {type(error).__name__}: {error}"
            self._failures.append(Failure(exit_code=9, message=REDACTOR.text(message), hint=_ENV_HINT))
        wanted = _since(scripts, tree, self._since)
        dialect, judgement = self._judged(config, scripts, tree, options, wanted)
        if not app_is_imported:
            address = credentials.own_address().url if credentials.known else None
            self._noting(lambda: self._notes.extend(check_app(settings, address)))
        return Report(
            dialect=dialect,
            revisions=len(wanted) if dialect else 0,
            failures=self._failures,
            findings=judgement.findings,
            allowed=judgement.allowed,
            unjudged=judgement.unjudged,
            notes=self._notes,
        )

    def _judged(
        self,
        config: "Config",
        scripts: "ScriptDirectory",
        tree: Tree,
        options: Mapping[str, Any],
        wanted: Collection[str],
    ) -> tuple[str, Judgement]:
        dialect = self._dialect(config, options)
        if not dialect:
            return "", Judgement()
        if knowledge_of(dialect).LINTED and not squawk.program():
            self._notes.append(_NO_SQUAWK)
        judge = Judge(Recorder(config, scripts, dialect_called(dialect), options), dialect, [*_variants(config)])
        if not wanted:
            self._notes.append(_NONE if self._since else _NO_REVISIONS)
        for each in tree.ordered if wanted else ():
            script = scripts.get_revision(each.id)
            if each.id in wanted:
                judge.judge(script)
            else:
                judge.learn(script)
        return dialect, judge.judgement

    def _noting(self, work: Any) -> None:
        """Run a step, record its StartupError, and continue."""
        try:
            work()
        except StartupError as error:
            message, hint = sentence(error.failure)
            self._failures.append(Failure(exit_code=error.failure.exits_with, message=message, hint=hint))

    def _dialect(self, config: "Config", options: Mapping[str, Any]) -> str:
        """Return the database of the revisions, as far as it can be known."""
        credentials = self._session.credentials
        if self._wanted:
            return self._wanted
        if credentials.known:
            return DIALECTS[credentials.own_address().url.get_backend_name()].name
        for url in (options.get("url"), config.get_main_option("sqlalchemy.url")):
            if url and (kind := DIALECTS.get(_backend(url))):
                return kind.name
        self._failures.append(Failure(exit_code=78, message=_NO_DIALECT, hint="Example: --dialect mysql"))
        return ""


def _backend(url: Any) -> str:
    try:
        return make_url(url).get_backend_name()
    except Exception:  # noqa: BLE001  # a placeholder of a new alembic.ini
        return ""


def _since(scripts: "ScriptDirectory", tree: Tree, since: str) -> list[str]:
    """Return the revisions that `since` does not need, in the order of application.

    Raises:
        StartupError: with MigrationTreeInvalid: the revision does not exist.
    """
    if not since:
        return [each.id for each in tree.ordered]
    try:
        known = tree.lineage(each.revision for each in scripts.get_revisions(since))
    except Exception as error:
        hint = "--since takes a revision of this tree, or enough of its beginning."
        raise invalid("unknown_target", f"no revision is called {since!r}: {error}", hint=hint) from error
    return [each.id for each in tree.ordered if each.id not in known]


def _variants(config: "Config") -> Iterator[Mapping[str, Any]]:
    """Return what env.py passes to `upgrade()`: an engine's name in Alembic's template for several databases."""
    names = [each.strip() for each in (config.get_main_option("databases") or "").split(",")]
    named = [{"engine_name": name} for name in names if name]
    yield from named or [{}]

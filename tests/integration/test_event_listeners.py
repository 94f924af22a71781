"""What env.py listens to is forgotten with its run."""

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from orchestrator.migrations.upgrade.event_listeners import forgotten_after

ENV = """
from sqlalchemy import event
from sqlalchemy.engine import Engine
import theirs

@event.listens_for(Engine, "begin")
def begin(connection):
    heard.append("decorated")

event.listen(Engine, "begin", lambda connection: heard.append("called"))
theirs.listen(event)
"""


def test_a_listener_of_env_py_hears_one_run_and_one_of_the_app_hears_all(tmp_path: Path) -> None:
    """The recipe for SQLite would emit BEGIN twice; but a module of the app is imported once, and listens once."""
    heard: list[str] = []

    def of_the_app(_connection: sa.Connection) -> None:
        heard.append("app")

    env_py = str(tmp_path / "env.py")
    module = SimpleNamespace(listen=cache(lambda event: event.listen(Engine, "begin", of_the_app)))
    source = ENV.replace("import theirs\n", "")
    engine = sa.create_engine("sqlite://")
    try:
        for _ in range(2):
            with forgotten_after(env_py):
                exec(compile(source, env_py, "exec"), {"heard": heard, "theirs": module})  # noqa: S102  # as env.py is
                with engine.begin():
                    pass
                assert sorted(heard) == ["app", "called", "decorated"]
                heard.clear()
        with engine.begin():
            pass
        assert heard == ["app"]
    finally:
        sa.event.remove(Engine, "begin", of_the_app)
        engine.dispose()

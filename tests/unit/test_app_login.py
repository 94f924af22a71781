"""Whether the app's own login leads to the migrated database."""

from typing import Any

import pytest

from orchestrator.databases import app_login
from orchestrator.databases.app_login import Sighting, same_as
from orchestrator.databases.connecting import NotReadyError


@pytest.mark.parametrize(
    ("migrated", "seen", "same"),
    [
        (Sighting("a", ("r2",)), Sighting("a", ("r2",)), True),
        (Sighting("a", None), Sighting("a", None), True),  # only env.py knows its version table
        (Sighting("a", ("r2",)), Sighting("b", ("r2",)), True),  # a replica
        (Sighting("a", ("r2",)), Sighting("b", ("r1",)), False),
        (Sighting("a", ("r2",)), Sighting("b", None), False),
        (Sighting("a", None), Sighting("b", None), False),  # nothing shows that it is a replica
        (Sighting("a", ()), Sighting("b", ()), False),
    ],
)
async def test_another_server_must_show_the_same_revisions(
    migrated: Sighting, seen: Sighting, monkeypatch: pytest.MonkeyPatch, *, same: bool
) -> None:
    """The app would be served with a database that nobody has migrated."""

    async def sight(*_: object) -> Sighting:
        return seen

    monkeypatch.setattr(app_login, "sight", sight)
    nothing: Any = None
    try:
        found: Sighting | None = await same_as(migrated)(nothing, nothing)
    except NotReadyError:
        found = None
    assert found == (seen if same else None)

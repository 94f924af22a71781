"""The service as a whole: its documentation, and what it leaves to the orchestrator."""

import subprocess
import sys

import httpx
import pytest

from app.main import app
from app.settings import Settings


async def test_a_browser_is_led_to_the_documentation(careful_client: httpx.AsyncClient) -> None:
    """A visitor first tries the bare address."""
    answer = await careful_client.get("/", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.url.path == "/docs"
    assert "BluePansy API" in answer.text


async def test_the_documentation_names_every_operation(careful_client: httpx.AsyncClient) -> None:
    """Clients are generated from it: operation names are an interface."""
    paths = (await careful_client.get("/openapi.json")).json()["paths"]
    operations = {
        operation["operationId"]: (operation["summary"], operation["tags"], sorted(operation["responses"]))
        for methods in paths.values()
        for operation in methods.values()
    }
    assert operations == {
        "create_plant": ("Create Plant", ["plants"], ["201", "409", "422"]),
        "list_plants": ("List Plants", ["plants"], ["200", "422"]),
        "get_plant": ("Get Plant", ["plants"], ["200", "404", "422"]),
        "change_plant": ("Change Plant", ["plants"], ["200", "404", "409", "422"]),
        "delete_plant": ("Delete Plant", ["plants"], ["204", "404", "422"]),
    }


async def test_the_documented_refusal_is_the_real_one(careful_client: httpx.AsyncClient) -> None:
    """The answer is made by hand; the schema beside it must not drift away from it."""
    schema = (await careful_client.get("/openapi.json")).json()["components"]["schemas"]["ValidationError"]
    refusal = (await careful_client.post("/plants", json={})).json()["detail"][0]
    assert set(schema["required"]) <= set(refusal) <= set(schema["properties"])


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
async def test_the_probes_are_left_to_the_orchestrator(careful_client: httpx.AsyncClient, path: str) -> None:
    """An answer of the app would claim readiness, which the app cannot know."""
    assert (await careful_client.get(path)).status_code == 404


def test_the_service_knows_nothing_of_the_orchestrator() -> None:
    """Any ASGI server can run it, and importing it neither reads the environment nor connects."""
    program = (
        "import os, sys; os.environ.clear(); os.environ['DATABASE_URL'] = 'not a url'; import app.main;"
        "print(*[name for name in sys.modules if name.split('.')[0] in {'orchestrator', 'alembic'}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


async def test_the_environment_is_read_when_the_service_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The orchestrator settles the environment after it has imported the service."""
    monkeypatch.setenv("DATABASE_URL", "nothing that SQLAlchemy knows")
    with pytest.raises(Exception, match="Could not parse SQLAlchemy URL"):
        async with app.router.lifespan_context(app):
            pass


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Task definitions often carry a variable without a value."""
    for name in ("DATABASE_URL", "DATABASE_SSL_CA"):
        monkeypatch.setenv(name, "")
    assert Settings.from_environment() == Settings(database_url="sqlite+aiosqlite:///app.db", database_ssl_ca=None)


def test_the_settings_do_not_show_the_password() -> None:
    """A traceback with local variables prints them."""
    assert "s3cret" not in repr(Settings(database_url="mysql+asyncmy://app:s3cret@db/app"))

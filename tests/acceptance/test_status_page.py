"""What a person with a browser sees while the service starts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route, async_playwright, expect

import orchestrator
from tests.harness import Orchestrator, Project, make_project
from tests.servers import chromium

# Nothing of a test's browser looks for a network that is not there.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Return a real browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(chromium()), args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> Page:
    """Return a page whose errors fail the test."""
    page = await browser.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    return page


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose second revision ends when the test says so."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    project.add_revision("b2", "import pathlib, time\nwhile not pathlib.Path('go-on').exists(): time.sleep(0.02)")
    return project


async def test_the_page_shows_the_migration_and_gives_way_to_the_app(page: Page, project: Project) -> None:
    """Who opens the service during a deployment need not reload by hand."""
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("revision_started", revision="b2")
        await page.goto(process.url)
        await expect(page.get_by_role("heading")).to_have_text("Migrating the database…")
        await expect(page.locator("#revisions")).to_have_text("1 of 2")
        assert await page.locator("progress").get_attribute("value") == "50"
        (project.path / "go-on").touch()
        await expect(page.locator("body")).to_have_text("hello")


async def test_the_page_names_the_last_error(page: Page, project: Project) -> None:
    """A start that waits says for what."""
    env = {"DATABASE_URL": "mysql+asyncmy://app:secret@127.0.0.1:1/app"}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("database_retry_scheduled")
        await page.goto(process.url)
        await expect(page.get_by_role("heading")).to_have_text("Waiting for the database…")
        await expect(page.locator("#error")).to_have_text("refused")


async def test_no_text_of_a_database_becomes_part_of_the_page(page: Page) -> None:
    """An error message or a user's name may hold anything; the page shows it letter by letter."""
    hostile = "<img src=x onerror=alert(1)>"
    told = {
        "state": hostile,
        "phase": hostile,
        "revisions_done": hostile,
        "revisions_to_do": hostile,
        "progress_percent": None,
        "elapsed_seconds": 1,
        "statement": {"statement_state": hostile, "blocked_by": hostile},
        "last_error": {"error_type": hostile, "error_message": hostile},
    }

    async def answer(route: Route) -> None:
        if "json" in route.request.headers["accept"]:
            await route.fulfill(status=503, json=told)
        else:
            await route.fulfill(path=Path(orchestrator.__file__).parent / "status_page.html", content_type="text/html")

    await page.route("**/*", answer)
    await page.goto("http://service.example/")
    for name in ("state", "phase", "revisions", "statement", "error"):
        await expect(page.locator(f"#{name}")).to_contain_text(hostile)
    assert await page.locator("img").count() == 0


async def test_the_page_of_the_plants_documents_the_api(page: Page, tmp_path: Path) -> None:
    """It must come up where no content network can be reached, as in a private subnet."""
    repository = Path(__file__).parents[2]
    env = {"DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'plants.db'}"}
    async with Orchestrator("serve", env=env, cwd=repository) as process:
        await process.event("server_started")
        await page.goto(process.url)
        await expect(page).to_have_url(f"{process.url}/docs")
        await page.get_by_role("button", name="Create Plant").click()
        await page.get_by_role("button", name="Try it out").click()
        await page.get_by_role("button", name="Execute").click()
        await expect(page.locator(".live-responses-table .response .response-col_status")).to_have_text("201")

"""The view of a person with a browser while the service starts."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.harness import Orchestrator, Project, make_project
from tests.servers import chromium

expect.set_options(timeout=30_000)  # milliseconds; without this 5 s, in which a busy machine may not start the app
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
    """Return a project whose second revision ends on a signal of the test."""
    project = make_project(tmp_path)
    project.add_revision("a1")
    project.add_revision("b2", "import pathlib, time\nwhile not pathlib.Path('go-on').exists(): time.sleep(0.02)")
    return project


async def test_the_page_shows_the_migration_and_gives_way_to_the_app(page: Page, project: Project) -> None:
    """Who opens the service during a deployment need not reload by hand; and its polling is not in the log."""
    async with Orchestrator("serve", env={"ORCHESTRATOR_STATUS_DETAIL": "full"}, cwd=project.path) as process:
        await process.event("revision_started", revision="b2")
        await page.goto(process.url)
        await expect(page.get_by_role("heading")).to_have_text("Migrating the database…")
        await expect(page.locator("[aria-current=step]")).to_contain_text("Migrate the database")
        await expect(page.get_by_label("Revisions").get_by_role("listitem")).to_contain_text(["a1", "b2"])
        await expect(page.locator("dl")).to_contain_text("1 of 2")
        assert await page.locator("progress").get_attribute("value") == "50"
        first = await page.locator("dl").text_content()
        await expect(page.locator("dl")).not_to_have_text(str(first))  # the seconds advance
        assert len(process.find("request")) == 1
        (project.path / "go-on").touch()
        await expect(page.locator("body")).to_have_text("hello")


async def test_the_page_names_what_it_waits_for_and_shows_when_the_process_has_gone(
    page: Page, project: Project
) -> None:
    """Outdated values are dimmed. Also where a load balancer answers for it: the page goes on when it is back."""
    env = {"DATABASE_URL": "mysql+asyncmy://app:secret@127.0.0.1:1/app"}
    async with Orchestrator("serve", env=env, cwd=project.path) as process:
        await process.event("database_retry_scheduled")
        await page.goto(process.url)
        await expect(page.get_by_role("heading")).to_have_text("Waiting for the database…")
        assert await page.locator("dt").all_text_contents() == ["Waiting for", "Since the start", "Last error"]
        assert await page.locator("dd").last.text_content() == "refused"
        await page.route("**/*", lambda route: route.fulfill(status=502, body="<h1>502 Bad Gateway</h1>"))
        await expect(page.locator("#gone")).to_contain_text("does not answer")
        await expect(page.locator("progress")).to_be_hidden()
        await page.unroute("**/*")
        await expect(page.locator("#gone")).to_be_empty()
        await expect(page.locator("progress")).to_be_visible()
        process.signal(signal.SIGKILL)
        await expect(page.locator("#gone")).to_contain_text("does not answer. It was last seen at")


async def test_the_page_works_without_scripts(browser: Browser, project: Project) -> None:
    """It loads itself again, and the app takes its place."""
    page = await browser.new_page(java_script_enabled=False)
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("revision_started", revision="b2")
        await page.goto(process.url)
        await expect(page.get_by_role("heading")).to_have_text("Migrating the database…")
        await expect(page.get_by_label("Revisions").get_by_role("listitem")).to_have_count(0)  # public detail
        (project.path / "go-on").touch()
        await expect(page.locator("body")).to_have_text("hello")


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

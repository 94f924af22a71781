"""Every link between the pages leads somewhere: the docs are read in the repository more often than as a site."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
_FOLDERS = ("docs", "deploy")  # of the site: mkdocs.yml
_CODE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[(?:[^][]|\[[^]]*\])*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*?) *$", re.MULTILINE)


def _text(page: Path) -> str:
    return _CODE.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> Iterator[str]:
    """Yield the anchors that GitHub and `make docs` give the headings."""
    for heading in _HEADING.findall(_text(page)):
        words = _LINK.sub(lambda link: link[0].partition("](")[0][1:], heading).lower()
        yield re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def _broken(page: Path) -> Iterator[str]:
    for link in _LINK.finditer(_text(page)):
        path, _, anchor = link["target"].partition("#")
        target = (page.parent / path) if path else page
        if ":" in path:  # another site's
            continue
        on_the_site = target.resolve().relative_to(ROOT).parts[0] in {
            *_FOLDERS,
            *(page.name for page in ROOT.glob("*.md")),
        }
        if not target.is_file() or not on_the_site or (anchor and anchor not in _anchors(target)):
            yield link["target"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    """A heading that is reworded must not leave dead links behind; `make docs` checks the same on the site."""
    assert not list(_broken(page))


def test_every_page_is_in_both_tables_of_contents() -> None:
    """A page that nothing names is not found: docs/README.md is for the repository, mkdocs.yml for the site."""
    pages = {str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/*.md")} - {"README.md"}
    every = {str(page.relative_to(ROOT)) for page in PAGES}
    listed = {link["target"] for link in _LINK.finditer((ROOT / "docs" / "README.md").read_text(encoding="utf-8"))}
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert pages <= listed
    assert not {page for page in every if f": {page}\n" not in site}


def test_a_list_stands_apart_from_its_paragraph() -> None:
    """GitHub shows a list without an empty line before it; the site shows one long paragraph."""
    glued = re.compile(r"^(?![-*|#<>\s]|\d+\.).*\S\n(?:[-*] |1\. ).*", re.MULTILINE)
    assert {page.name: found for page in PAGES if (found := glued.findall(_text(page)))} == {}

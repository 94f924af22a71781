"""CONTRIBUTING.md: the map and the recipe for a backend are those of the code."""

import ast
import tomllib
from pathlib import Path

import pytest

from orchestrator.address.options import Translation
from orchestrator.databases import Backend, MigrationLock
from orchestrator.databases.statements import RecordedSession
from orchestrator.people.ddl.knowledge import Knowledge
from tests.unit import backend_names, package_map

PAGE = Path("CONTRIBUTING.md").read_text(encoding="utf-8")
RENEW = "run: python -m tests.unit.package_map"


def test_the_map_is_that_of_the_imports() -> None:
    """A newcomer reads it first."""
    assert package_map.renewed(PAGE) == PAGE, RENEW


def test_the_packages_import_one_another_in_one_direction() -> None:
    """The picture would otherwise have a circle, which import-linter cannot see between parts of a package."""
    found = package_map.packages()
    for name in found.keys() - {"orchestrator"}:
        assert name not in package_map.reached({each: needs - {"orchestrator"} for each, needs in found.items()}, name)


def test_each_module_that_names_a_database_is_in_the_recipe() -> None:
    """Who adds a backend must find all that may need a case for it."""
    assert backend_names.renewed(PAGE) == PAGE, RENEW


@pytest.mark.parametrize("protocol", [Translation, Knowledge, Backend, MigrationLock, RecordedSession])
def test_the_recipe_names_each_member_of_the_protocols(protocol: type) -> None:
    """A member that is left out is found when the type checker fails, not before."""
    recipe = PAGE[PAGE.index("## A new backend") :]
    members = {name for name, value in vars(protocol).items() if callable(value)} | {*protocol.__annotations__}
    assert sorted(name for name in members if name[0] != "_" and f"`{name}`" not in recipe) == []


def test_a_package_is_a_folder_and_costs_no_import() -> None:
    """A start imports what it needs and no more; what a package offers stands in its modules."""
    apart = {"address", "cloudwatch", "databases", "errors", "events", "library", "log", "people", "timeline"}
    for package in package_map.packages().keys() - apart - {"orchestrator"}:
        source = Path("orchestrator", *package.split("."), "__init__.py").read_text(encoding="utf-8")
        assert [*map(type, ast.parse(source).body)] == [ast.Expr], package


def test_the_files_that_are_mutated_and_the_tests_that_must_notice_are_there() -> None:
    """A file that moved would not be mutated any more, and nobody would see it."""
    settings = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    names = [*settings["only_mutate"], *settings["pytest_add_cli_args_test_selection"]]
    assert [name for name in names if not [*Path().glob(name)]] == []


def test_no_file_is_longer_than_the_page_allows() -> None:
    """A longer one has several concerns: split it by them."""
    assert "at most 250 lines" in PAGE
    files = [file for folder in ("orchestrator", "app", "tests", "benchmarks") for file in Path(folder).rglob("*.py")]
    lines = {file.as_posix(): file.read_text(encoding="utf-8").count("\n") for file in files}
    assert {file: count for file, count in lines.items() if count > 250} == {}

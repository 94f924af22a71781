"""The app that a project's own files name, or seem to contain."""

from pathlib import Path

import pytest

from orchestrator.settings.project_file import entrypoint, likely_app, may_be_imported


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[tool.fastapi]\nentrypoint = "web:app"', "web:app"),
        ("[tool.fastapi]\nentrypoint = 5", ""),
        ("# no entrypoint", ""),
        ("[tool.fastapi]\n# no entrypoint", ""),
        ('tool = "entrypoint"', ""),
        ('[tool]\nfastapi = "entrypoint"', ""),
        ("entrypoint = [", ""),
        ("", ""),
        (b"entrypoint = '\xff'", ""),
        (None, ""),
    ],
)
def test_a_file_that_names_no_app_is_no_fault(text: str | bytes | None, found: str, tmp_path: Path) -> None:
    """The file is the project's; other tools report what is wrong with it."""
    if text is not None:
        (tmp_path / "pyproject.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    assert entrypoint(tmp_path) == found


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"main.py": "app = FastAPI()"}, ("main.py", "main:app")),
        ({"main.py": "", "src/app/main.py": "x = Starlette(debug=True)"}, ("src/app/main.py", "src.app.main:x")),
        ({"app.py": "Litestar([])", "api.py": "Quart(__name__)"}, ("app.py", "app:app")),
        ({"main.py/a.txt": "", "app.py": "app = FastAPI()"}, ("app.py", "app:app")),
        ({"app/main.py": b"# \xff\napi = Quart(__name__)"}, ("app/main.py", "app.main:api")),
        ({"shop/main.py": "web: fastapi.FastAPI = fastapi.FastAPI()"}, ("shop/main.py", "shop.main:web")),
        (
            {".venv/main.py": "app = FastAPI()", "src/shop/api.py": "def make():\n    return FastAPI()"},
            ("src/shop/api.py", "src.shop.api:app"),
        ),
        ({"web.py": "app = FastAPI()", "main.py": "print()"}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_the_likely_app_is_the_first_usual_file_that_makes_one(
    files: dict[str, str | bytes], found: tuple[str, str], tmp_path: Path
) -> None:
    """A hint for a project whose app has another name than the default."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    assert likely_app(tmp_path) == found


def test_an_app_may_be_imported_if_its_top_package_is_there() -> None:
    """Nothing is imported for that: a repository of migrations has no app, and need not have one."""
    assert may_be_imported("json.nowhere:app")
    assert may_be_imported("json:app")
    assert not may_be_imported("no_such_package.json:app")

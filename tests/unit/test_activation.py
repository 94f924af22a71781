"""Which programs get the listening socket."""

import socket
from pathlib import Path

import pytest

from orchestrator.start.activation import FIRST_DESCRIPTOR, descriptor_for


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        (("gunicorn", "a:app", "-b", "127.0.0.1:{port}"), {}, 3),
        (("gunicorn", "a:app", "--bind=127.0.0.1:{port}"), {}, 3),
        (("gunicorn", "a:app", "-b127.0.0.1:{port}"), {}, 3),
        (("python", "-m", "gunicorn", "a:app"), {"GUNICORN_CMD_ARGS": "--bind 127.0.0.1:{port}"}, 3),
        (("gunicorn", "a:app", "-b", "127.0.0.1:1"), {}, None),  # another port
        (("gunicorn", "a:app", "-b", "0.0.0.0:{port}"), {}, None),  # it would not be reachable from outside
        (("gunicorn", "a:app", "-b", "127.0.0.1:{port}", "-b", "unix:/x"), {}, None),
        (("gunicorn", "a:app", "-c", "conf.py"), {}, None),
        (("gunicorn", "a:app"), {"PORT": "{port}"}, None),  # gunicorn's default is 0.0.0.0
        (("uvicorn", "a:app", "--fd", "5"), {}, 5),
        (("uvicorn", "a:app", "--fd=5"), {}, 5),
        (("uvicorn", "a:app"), {"UVICORN_FD": "4"}, 4),
        (("hypercorn", "a:app", "--bind", "fd://3"), {}, 3),
        (("uvicorn", "a:app", "--port", "{port}"), {}, None),
        (("celery", "-A", "tasks", "worker"), {}, None),
    ],
)
def test_who_takes_the_socket(argv: tuple[str, ...], environ: dict[str, str], expected: int | None) -> None:
    """A program that binds the port must find it free; one that takes a socket must listen on the same address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        filled = {name: value.replace("{port}", port) for name, value in environ.items()}
        assert descriptor_for([word.replace("{port}", port) for word in argv], filled, listener) == expected


def test_gunicorn_without_a_host_listens_on_all_addresses() -> None:
    """As in gunicorn."""
    with socket.create_server(("0.0.0.0", 0)) as listener:  # what it stands for
        argv = ("gunicorn", "a:app", "-b", f":{listener.getsockname()[1]}")
        assert descriptor_for(argv, {}, listener) == FIRST_DESCRIPTOR


@pytest.mark.parametrize(("text", "expected"), [("bind = 'unix:/x'", None), ("workers = 2", FIRST_DESCRIPTOR)])
def test_gunicorn_gets_no_socket_if_its_file_may_name_another_address(
    text: str, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads gunicorn.conf.py without being told to, and with LISTEN_FDS it would ignore that address."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gunicorn.conf.py").write_text(text)
    with socket.create_server(("0.0.0.0", 0)) as listener:  # gunicorn's default
        environ = {"PORT": str(listener.getsockname()[1])}
        assert descriptor_for(("gunicorn", "a:app"), environ, listener) == expected

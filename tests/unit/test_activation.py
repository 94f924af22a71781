"""Which programs get the listening socket."""

import socket

import pytest

from orchestrator.start.activation import descriptor_for


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

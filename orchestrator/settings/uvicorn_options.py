"""uvicorn's own variables: each option of its command line takes effect, or is refused with the reason.

The options, their variables and their types are read from uvicorn's command itself, so that none is forgotten: a test
fails if uvicorn has an option that `EFFECTS` does not list.
"""

import contextlib
import enum
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from orchestrator.patterns import pattern
from orchestrator.sentences import Ours, Words
from orchestrator.variables.definition import Fault
from orchestrator.variables.service_links import is_service_link

PREFIX = "UVICORN_"
KEEP_ALIVE_SECONDS = 75  # an ALB reuses idle connections for 60 s, so we must keep them longer


class Effect(enum.Enum):
    """How an option takes effect."""

    UVICORN = "as in uvicorn"
    OURS = "as in uvicorn, carried out by the orchestrator"
    NONE = "no effect"
    WITHOUT_WORKERS = "no effect, as in uvicorn without workers or reload"
    REFUSED = "refused"


_RUN = "; `orchestrator run -- uvicorn ...` does that"
_ONE_PROCESS = f"`serve` is one process, which tasks or replicas multiply{_RUN}"
_TLS = f"`serve` speaks HTTP behind a load balancer or proxy{_RUN}"

EFFECTS: dict[str, tuple[Effect, str]] = {
    "app": (Effect.OURS, "the app, unless ORCHESTRATOR_APP is set"),
    "host": (Effect.OURS, "wins over ORCHESTRATOR_HOST"),
    "port": (Effect.OURS, "wins over PORT, which an app may use for something else"),
    "uds": (Effect.REFUSED, f"probes and load balancers need a TCP port{_RUN}"),
    "fd": (Effect.REFUSED, f"the port is opened by `serve` itself{_RUN}"),
    "reload": (Effect.REFUSED, _ONE_PROCESS),
    "reload_dirs": (Effect.WITHOUT_WORKERS, ""),
    "reload_includes": (Effect.WITHOUT_WORKERS, ""),
    "reload_excludes": (Effect.WITHOUT_WORKERS, ""),
    "reload_delay": (Effect.WITHOUT_WORKERS, ""),
    "workers": (Effect.REFUSED, _ONE_PROCESS),
    "loop": (Effect.UVICORN, "the loop of the app"),
    "http": (Effect.UVICORN, "the bounds of heads are known for `httptools` and `h11`"),
    "http2": (Effect.UVICORN, ""),
    "ws": (Effect.UVICORN, ""),
    "ws_max_size": (Effect.UVICORN, ""),
    "ws_max_queue": (Effect.UVICORN, ""),
    "ws_ping_interval": (Effect.UVICORN, ""),
    "ws_ping_timeout": (Effect.UVICORN, ""),
    "ws_per_message_deflate": (Effect.UVICORN, ""),
    "lifespan": (Effect.UVICORN, ""),
    "interface": (Effect.UVICORN, ""),
    "env_file": (Effect.OURS, "loaded before the settings are read, so it may hold them too"),
    "log_config": (Effect.REFUSED, "every line of the log is an event: ORCHESTRATOR_LOG_CONFIG names a file for that"),
    "log_level": (Effect.UVICORN, "the level of uvicorn's loggers; `request` events are uvicorn's access log"),
    "access_log": (Effect.OURS, "`false`: no `request` events"),
    "use_colors": (Effect.NONE, "text on a terminal has colours, JSON has none"),
    "proxy_headers": (Effect.UVICORN, ""),
    "server_header": (Effect.UVICORN, ""),
    "date_header": (Effect.UVICORN, ""),
    "forwarded_allow_ips": (Effect.UVICORN, "wins over FORWARDED_ALLOW_IPS"),
    "root_path": (Effect.UVICORN, "probes are asked without it"),
    "limit_concurrency": (Effect.UVICORN, "counts probes too"),
    "backlog": (Effect.OURS, ""),
    "limit_max_requests": (Effect.UVICORN, "then the process stops with exit code 0; counts probes too"),
    "limit_max_requests_jitter": (Effect.UVICORN, ""),
    "timeout_keep_alive": (Effect.UVICORN, f"default {KEEP_ALIVE_SECONDS}: longer than a load balancer's 60"),
    "timeout_graceful_shutdown": (Effect.UVICORN, "within the budget of ORCHESTRATOR_SHUTDOWN_SECONDS"),
    "timeout_worker_healthcheck": (Effect.WITHOUT_WORKERS, ""),
    "ssl_keyfile": (Effect.REFUSED, _TLS),
    "ssl_certfile": (Effect.REFUSED, _TLS),
    "ssl_keyfile_password": (Effect.REFUSED, _TLS),
    "ssl_version": (Effect.REFUSED, _TLS),
    "ssl_cert_reqs": (Effect.REFUSED, _TLS),
    "ssl_ca_certs": (Effect.REFUSED, _TLS),
    "ssl_ciphers": (Effect.REFUSED, _TLS),
    "headers": (Effect.UVICORN, "on the app's answers"),
    "app_dir": (Effect.OURS, "beside the working directory"),
    "h11_max_incomplete_event_size": (Effect.UVICORN, ""),
    "reset_contextvars": (Effect.UVICORN, ""),
    "factory": (Effect.OURS, "as ORCHESTRATOR_APP_FACTORY"),
}
_APP = pattern(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_HARMLESS: dict[str, object] = {"reload": False, "workers": 1}  # refused options that ask for what is anyway

# Options that correspond to one of our settings.
SETTINGS = {
    "app": "ORCHESTRATOR_APP",
    "host": "ORCHESTRATOR_HOST",
    "port": "PORT",
    "factory": "ORCHESTRATOR_APP_FACTORY",
}


def given(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the valid options that `environ` sets, by uvicorn's names; `faults` reports the others."""
    return {name: value for name, value, fault in _read(environ) if fault is None}


def variable(name: str, environ: Mapping[str, str]) -> str:
    """Return the variable that sets this option: uvicorn's if it is set, otherwise that of our setting."""
    return f"{PREFIX}{name.upper()}" if name in given(environ) else SETTINGS[name]


def faults(environ: Mapping[str, str]) -> list[Fault]:
    """Return a fault for each of uvicorn's variables that is wrong or refused."""
    return [fault for _, _, fault in _read(environ) if fault is not None]


def instead(argument: str) -> str:
    """Return, after a space, what to do instead of an argument that `uvicorn` takes; empty for any other."""
    name = argument.lstrip("-").replace("-", "_")
    if argument.startswith("--") and name in EFFECTS:
        effect, reason = EFFECTS[name]
        refused = effect is Effect.REFUSED
        variable = SETTINGS.get(name) or f"{PREFIX}{name.upper()}"
        return f" It is not supported: {reason}." if refused else f" Set {variable} instead."
    return f" Set ORCHESTRATOR_APP={argument} instead." if _APP.fullmatch(argument) else ""


def load_env_file(environ: Mapping[str, str]) -> None:
    """Load UVICORN_ENV_FILE into the environment, as uvicorn does: variables that are set already keep their value.

    Do nothing if the file or the package python-dotenv is missing: `faults` reports that.
    """
    if path := environ.get("UVICORN_ENV_FILE"):
        with contextlib.suppress(ImportError):
            from dotenv import load_dotenv

            load_dotenv(dotenv_path=path)


def config(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the keyword arguments for `uvicorn.Config` that `environ` sets, and those with a default of ours."""
    options = given(environ)
    taken = {name: value for name, value in options.items() if EFFECTS[name][0] is Effect.UVICORN}
    if "headers" in taken:
        taken["headers"] = [header.split(":", 1) for header in taken["headers"]]
    return {"timeout_keep_alive": KEEP_ALIVE_SECONDS, **taken}


def _read(environ: Mapping[str, str]) -> Sequence[tuple[str, Any, Fault | None]]:
    """Return each option that is set: its name, its value, and what is wrong with it."""
    texts = frozenset((name, value) for name, value in environ.items() if name.startswith(PREFIX) and value)
    return _converted(texts) if texts else ()  # without any, uvicorn's command need not be imported


@lru_cache(maxsize=1)
def _converted(texts: frozenset[tuple[str, str]]) -> Sequence[tuple[str, Any, Fault | None]]:
    return tuple(_each_converted(dict(texts)))


def _each_converted(texts: Mapping[str, str]) -> Iterator[tuple[str, Any, Fault | None]]:
    import click
    from uvicorn.main import main as command

    context = click.Context(command)
    for parameter in command.params:
        name = str(parameter.name)
        variable = f"{PREFIX}{name.upper()}"
        text = texts.get(variable)
        if not text or name == "version" or is_service_link(variable, text):
            continue
        try:
            raw = parameter.type.split_envvar_value(text) if parameter.multiple or parameter.nargs != 1 else text
            value = parameter.type_cast_value(context, raw)
        except click.BadParameter as error:
            told = Words("uvicorn does not take it: {message}", message=error.message)
            wrong = Fault(variable, told, _example(name))
            yield name, None, _refusal(name, variable, None) or wrong
            continue
        yield name, value, _refusal(name, variable, value)


def _refusal(name: str, variable: str, value: object) -> Fault | None:
    if name == "env_file" and importlib.util.find_spec("dotenv") is None:
        return Fault(variable, Ours("the package python-dotenv is not installed: pip install python-dotenv"), "")
    effect, reason = EFFECTS.get(name, (Effect.REFUSED, "this version of the orchestrator does not know it"))
    if effect is not Effect.REFUSED or (name in _HARMLESS and value == _HARMLESS[name]):
        return None
    return Fault(variable, Ours(f"it is not supported: {reason}"), _example(name))


def _example(name: str) -> str:
    return str(_HARMLESS.get(name, "")).lower()


def markdown_table() -> str:
    """Return the documentation's table: every option of the installed uvicorn."""
    from uvicorn.main import main as command

    lines = ["| variable | effect |", "| --- | --- |"]
    for parameter in command.params:
        if parameter.name in EFFECTS:
            effect, note = EFFECTS[parameter.name]
            allowed = f" (`{_example(parameter.name)}` is accepted)" if parameter.name in _HARMLESS else ""
            lines.append(
                f"| `{PREFIX}{parameter.name.upper()}` | {': '.join(filter(None, (effect.value, note)))}{allowed} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(markdown_table())

"""The health check of a container, as ECS runs it: another process, beside the one that it asks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.migrations import WAIT_FOR_GO, go
from tests.acceptance.probing import assert_healthy, assert_not_healthy, probe
from tests.harness import Orchestrator, Project, make_project, run
from tests.servers.ports import free_port

NOT_OURS = "is not of this container's orchestrator"
IPV6 = Path("/proc/net/if_inet6").exists()
UNREACHABLE = {"DATABASE_URL": "mysql+asyncmy://app:secret@127.0.0.1:1/app"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project whose migration continues on a signal of the test."""
    project = make_project(tmp_path / "project")
    project.add_revision("r1", WAIT_FOR_GO)
    return project


async def test_health_follows_the_start_from_waiting_to_the_end(project: Project) -> None:
    """Ready is who serves; alive is who runs, also in a migration that takes an hour."""
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        assert_not_healthy(await probe(process), "migrating", "503", "/readyz")
        assert_healthy(await probe(process, "--live"))
        go(project)
        await process.event("server_started")
        assert_healthy(await probe(process))
        assert_healthy(await probe(process, "--live", "--timeout", "20"))
        assert await process.stop() == 0
        assert_not_healthy(await probe(process), "Connection refused")
        assert_not_healthy(await probe(process, "--live"), "Connection refused")


async def test_a_container_that_waits_is_alive_and_not_ready(project: Project) -> None:
    """A deployment must not count it; but it must not be killed either."""
    async with Orchestrator("serve", env=UNREACHABLE, cwd=project.path) as process:
        await process.event("database_retry_scheduled")
        assert_not_healthy(await probe(process), "waiting")
        assert_healthy(await probe(process, "--live"))


async def test_a_container_that_drains_is_alive_and_not_ready(project: Project) -> None:
    """It still answers, for the requests that are on their way."""
    go(project)
    async with Orchestrator("serve", env={"ORCHESTRATOR_DRAIN_SECONDS": "20"}, cwd=project.path) as process:
        await process.event("server_started")
        process.signal(signal.SIGTERM)
        await process.event("state_changed", state="draining")
        assert_not_healthy(await probe(process), "draining", "503")
        assert_healthy(await probe(process, "--live"))


async def test_a_process_that_hangs_is_not_healthy(project: Project) -> None:
    """The kernel still accepts connections for it."""
    go(project)
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("server_started")
        process.signal(signal.SIGSTOP)
        assert_not_healthy(await probe(process, "--live", "--timeout", "0.5"), "no answer within 0.5 s")
        process.signal(signal.SIGCONT)
        assert_healthy(await probe(process, "--timeout", "20"))


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "127.0.0.2", "localhost", *(["::", "::1"] if IPV6 else [])])
async def test_it_asks_where_we_listen(project: Project, host: str) -> None:
    """The same variable gives the address to listen on and to ask."""
    go(project)
    async with Orchestrator("serve", env={"ORCHESTRATOR_HOST": host}, cwd=project.path) as process:
        await process.event("server_started")
        assert_healthy(await probe(process))


async def test_paths_of_our_own_are_asked(project: Project) -> None:
    """Whatever may be in a path: it arrives as it is set."""
    go(project)
    paths = {"ORCHESTRATOR_READY_PATH": "/~health:x=1;@/ready", "ORCHESTRATOR_LIVE_PATH": "//live"}
    async with Orchestrator("serve", env=paths, cwd=project.path) as process:
        await process.event("server_started")
        assert_healthy(await probe(process))
        assert_healthy(await probe(process, "--live"))


async def test_the_apps_own_readiness_proves_nothing(project: Project) -> None:
    """An app may answer 200 to everything. So the check asks a path of the orchestrator, and fails if there is none."""
    path = {"ORCHESTRATOR_READY_PATH": ""}
    async with Orchestrator("serve", env=path, cwd=project.path) as process:
        await process.event("log", message="waiting for go")
        assert_not_healthy(await probe(process), "migrating", "/startupz")
        assert_not_healthy(await probe(process, ORCHESTRATOR_STARTUP_PATH=""), "migrating", "/livez")
        go(project)
        await process.event("server_started")
        assert_healthy(await probe(process))
        assert_healthy(await probe(process, ORCHESTRATOR_STARTUP_PATH=""))
        none_left = {"ORCHESTRATOR_STARTUP_PATH": "", "ORCHESTRATOR_LIVE_PATH": ""}
        assert_not_healthy(await probe(process, **none_left), "handed to the app")
        assert_not_healthy(await probe(process, ORCHESTRATOR_READY_PATH="/"), NOT_OURS)


async def test_no_proxy_is_asked(project: Project) -> None:
    """Tasks reach the world through one; their own port is not the world."""
    go(project)
    proxy = {
        "http_proxy": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "socks5://127.0.0.1:1",
    }
    async with Orchestrator("serve", cwd=project.path) as process:
        await process.event("server_started")
        assert_healthy(await probe(process, **proxy))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", ""),
        ("ORCHESTRATOR_READY_PATH", "/a b"),
        ("ORCHESTRATOR_READY_PATH", "/a\r\nx: y"),
        ("ORCHESTRATOR_HOST", "no-such-host.invalid"),
        ("ORCHESTRATOR_HOST", "x" * 5000),
        ("ORCHESTRATOR_HOST", "\u00fc..\u00fc"),
    ],
)
async def test_a_wrong_setting_is_not_healthy(tmp_path: Path, variable: str, value: str) -> None:
    """The process that it was meant for has not started either; its own event explains more."""
    env = {variable: value, "PORT": value if variable == "PORT" else str(free_port())}
    assert_not_healthy(await run("probe", env=env, cwd=tmp_path))


@pytest.mark.parametrize(
    "options", [["--timeout"], ["--timeout", "0"], ["--timeout", "nan"], ["--timeout", "soon"], ["--alive"], ["now"]]
)
async def test_a_wrong_command_line_is_an_error_of_usage(tmp_path: Path, options: list[str]) -> None:
    """It is not a verdict on the container, and differs from one."""
    result = await run("probe", *options, cwd=tmp_path)
    assert (result.exit_code, result.lines) == (64, [])
    assert result.stderr.count("\n") == 1


async def test_its_help_lists_what_it_reads(tmp_path: Path) -> None:
    """And nothing of a database."""
    result = await run("probe", "--help", cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    text = "\n".join(result.lines)
    assert all(word in text for word in ("--live", "--timeout", "PORT", "ORCHESTRATOR_READY_PATH", "[default: 3]"))
    assert "DATABASE" not in text
    listed = await run("--help", cwd=tmp_path)
    assert any(line.split()[:1] == ["probe"] for line in listed.lines)


def test_it_imports_little_of_the_standard_library_and_nothing_else() -> None:
    """It runs every few seconds on the app's CPU."""
    tell = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from orchestrator.__main__ import main\n"
        "sys.argv = ['orchestrator', 'probe', '--live', '--timeout=20']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    print(end.code, *sorted(set(sys.modules) - before))\n"
    )
    env = {"PORT": str(free_port()), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-I", "-c", tell], check=True, capture_output=True, text=True, env=env)
    code, *modules = done.stdout.split()
    assert code == "1"
    ours = {name for name in modules if name.startswith("orchestrator")}
    assert ours == {
        *("orchestrator", "orchestrator.began", "orchestrator.__main__"),
        *("orchestrator.serving", "orchestrator.serving.probe"),
    }
    assert {name.partition(".")[0] for name in modules} - ours <= sys.stdlib_module_names
    assert not {"typing", "re", "contextlib", "threading", "http.client", "ssl", "encodings.idna"} & set(modules)

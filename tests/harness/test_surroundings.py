"""A result must not depend on where the tests were started."""

import json
import subprocess
import sys
from pathlib import Path

CHILD = """
import json, os, signal, time
ignored = [number.name for number in (signal.SIGHUP, signal.SIGINT, signal.SIGCHLD)
           if signal.getsignal(number) is signal.SIG_IGN]
print(json.dumps([ignored, list(signal.pthread_sigmask(signal.SIG_BLOCK, ())), os.umask(0), time.timezone,
                  sorted(os.environ)]))
"""
PARENT = f"""
import runpy, signal, subprocess, sys
for number in signal.SIGHUP, signal.SIGINT, signal.SIGCHLD:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
runpy.run_path("tests/harness/surroundings.py")["make_plain"]()
subprocess.run([sys.executable, "-c", {CHILD!r}], check=True)
"""
NAMES = "AWS_PROFILE CI COLUMNS DATABASE_URL FORCE_COLOR MYSQL_PWD NO_COLOR PGHOST PORT PYTHONUNBUFFERED UVICORN_PORT"
UNFRIENDLY = dict.fromkeys(NAMES.split(), "1") | {"LC_ALL": "POSIX", "PYTHONWARNINGS": "error", "TZ": "Asia/Kathmandu"}
KEPT = {"PATH": "/usr/bin", "HOME": "/", "ORCHESTRATOR_TEST_FRESH": "", "http_proxy": "http://127.0.0.1:9"}


def test_what_a_test_starts_finds_the_same_surroundings() -> None:
    """As after `nohup`, in the background, in CI, and with the variables of a developer's databases."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PARENT]
    found = subprocess.check_output(command, cwd=root, env=UNFRIENDLY | KEPT, umask=0o077)
    expected = {*KEPT, "LANG", "NO_PROXY", "no_proxy"}
    ignored, blocked, umask, timezone, names = json.loads(found)
    assert (ignored, blocked, umask, timezone) == ([], [], 0o022, 0)
    assert set(names) - {"LC_CTYPE"} == expected

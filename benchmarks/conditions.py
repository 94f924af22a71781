"""The conditions of a run: the machine, the versions, and how much of it others used."""

import importlib.metadata
import os
import platform
import re
import resource
import shutil
import subprocess
import time
from pathlib import Path

QUIET = 0.10
"""The share of the machine that others may use: with more, the spread hides what is measured."""
_LOOKS_SECONDS = 3.0
_DISTRIBUTIONS = ("uvicorn", "uvloop", "httptools", "fastapi", "sqlalchemy", "alembic", "asyncmy", "pymysql")
_PROGRAMS = {"MariaDB": ("mariadbd", "--version"), "wrk": ("wrk", "--version"), "jq": ("jq", "--version")}
_PLACES = f"{os.environ['PATH']}:/usr/sbin"


def machine() -> dict[str, str]:
    """Return what the run was on."""
    model = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "processor": model[0] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 2**20:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of everything that took part."""
    found = {"Python": platform.python_version()}
    found |= {name: importlib.metadata.version(name) for name in _DISTRIBUTIONS}
    for name, (program, option) in _PROGRAMS.items():
        if path := shutil.which(program, path=_PLACES):
            done = subprocess.run([path, option], check=False, capture_output=True, text=True)
            number = re.search(r"\d+\.\d[\w.]*", (done.stdout or done.stderr).replace(path, ""))
            found[name] = number[0] if number else "unknown"
    return found


def commit() -> str:
    """Return the commit, with a plus if files differ from it."""
    git = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(git, check=False, capture_output=True, text=True).stdout.strip() or "unknown"


class Others:
    """Measures what others use of the machine from its creation on."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()

    def share(self) -> float:
        """Return it, from 0 to 1; what children use counts as theirs once they have ended."""
        cores = os.cpu_count() or 1
        used = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return max(0.0, used / cores / (time.monotonic() - self._began))


def others_now() -> float:
    """Look for three seconds; return the share of the machine that others use."""
    others = Others()
    time.sleep(_LOOKS_SECONDS)
    return others.share()


def _busy_seconds() -> float:
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, _lines("/proc/stat")[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()

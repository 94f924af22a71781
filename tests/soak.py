"""Run the random and long tests again and again, with a new seed each round: `python -m tests.soak MINUTES [SEED]`."""

import os
import secrets
import subprocess
import sys
import time

_SCENARIOS = 16  # of faults, a round


def main(minutes: float, seed: int | None = None) -> int:
    """Run rounds until the time is up or one fails; with a seed, one whole round; return the last exit code.

    Each round has a different order, and begins no test after the time is up: tests that two minutes omit today may run
    tomorrow.
    """
    if seed is not None:
        return _round(seed)
    deadline = time.monotonic() + minutes * 60
    while True:
        code = _round(secrets.randbelow(10**6), f"--for-seconds={deadline - time.monotonic():.0f}")
        if code or time.monotonic() > deadline:
            return code


def _round(seed: int, *options: str) -> int:
    print(f"soak: again with `make soak SEED={seed}`", flush=True)  # noqa: T201 - a command
    variables = {"ORCHESTRATOR_FAULTS_SEED": str(seed), "ORCHESTRATOR_FAULTS_RUNS": str(_SCENARIOS)}
    order = ("-p", "randomly", f"--randomly-seed={seed}", "--randomly-dont-reset-seed", "--dist=worksteal")
    argv = ["-m", "pytest", "--tier=soak", "--numprocesses=6", f"--hypothesis-seed={seed}", "-q", *order, *options]
    return subprocess.run([sys.executable, *argv], env=os.environ | variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), *map(int, sys.argv[2:])))

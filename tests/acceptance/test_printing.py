"""The commands that print and end, where what they print can go nowhere."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {
    "events": ("events", "--format", "schema"),
    "cloudwatch": ("cloudwatch",),
    "filter": ("filter", '{ $.event = "a" }', "log"),
    "timeline": ("timeline", "log"),
}
WHERE = {"closed": ">&-", "full": "> /dev/full"}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.paired("where")
def test_output_that_cannot_be_written_is_one_line_and_an_exit_code(command: str, where: str, tmp_path: Path) -> None:
    """A full disk in a pipeline must not leave half a template and exit code 0, nor print a traceback."""
    (tmp_path / "log").write_text('{"event": "a"}\n')
    line = shlex.join([sys.executable, "-m", "orchestrator", *COMMANDS[command]])
    shell = ["sh", "-c", f"{line} {WHERE[where]}"]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("orchestrator")

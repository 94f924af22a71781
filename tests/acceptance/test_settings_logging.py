"""An invalid logging configuration is a fault of its variable; a file for another program is not used."""

import asyncio
from pathlib import Path

from tests.acceptance.settings_faults import refused
from tests.harness import run, together

BROKEN_YAML = {
    "no YAML": "a: [",
    "a list": "- a",
    "a word": "hello",
    "nothing": "",
    "another version": "version: 2",
    "no such class": "version: 1\nhandlers: {x: {class: no.Such}}\nroot: {handlers: [x]}",
    "no such handler": "version: 1\nroot: {handlers: [x]}",
    "no such level": "version: 1\nroot: {level: LOUD}",
    "a formatter that fails": "version: 1\nformatters: {x: {(): orchestrator.log.formatter, format: 3, more: 4}}",
    "a tag": "!!python/object/apply:os.system ['touch owned']",
    "binary": "\x00\x01",
}


async def test_an_invalid_logging_configuration_is_a_fault_of_its_variable(tmp_path: Path) -> None:
    """It is reported with the packaged configuration, in the usual format; and it runs no code."""
    slots = asyncio.Semaphore(3)

    async def check(number: int, text: str) -> None:
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        async with slots:
            assert await refused({"ORCHESTRATOR_LOG_CONFIG": str(file)}, tmp_path) == ["ORCHESTRATOR_LOG_CONFIG"], text

    await together(*(check(number, text) for number, text in enumerate(BROKEN_YAML.values())))
    assert not (tmp_path / "owned").exists()


async def test_a_logging_yaml_beside_the_app_that_is_not_ours_is_named_and_not_used(tmp_path: Path) -> None:
    """It may be meant for another program; lines stay JSON without secrets."""
    (tmp_path / "logging.yaml").write_text("a: [")
    result = await run("wait", env={"ORCHESTRATOR_EMBEDDED_DATABASE": "allow"}, cwd=tmp_path)
    assert result.exit_code == 0
    (warning,) = result.find("log", level="warning")
    assert "logging.yaml" in warning["message"]

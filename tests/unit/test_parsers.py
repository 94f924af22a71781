"""The parsers of environment variables, at the ends of what they take."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.variables import parsers

DAY = 86_400
TAKEN: dict[Callable[[str], Any], dict[str, Any]] = {
    parsers.flag: {
        **dict.fromkeys(("true", "1", "t", "y", "yes", "on", "TRUE", "Yes"), True),
        **dict.fromkeys(("false", "0", "f", "n", "no", "off", "False", "OFF"), False),
    },
    parsers.true_or_false: {"true": True, "false": False},
    parsers.whole_number(1, 10): {"1": 1, "10": 10, "+2": 2, "0" * 18 + "10": 10},
    parsers.whole_number(-5, 5): {"-5": -5},
    parsers.seconds: {"0": 0, ".5": 0.5, "1.": 1, "+1e3": 1000, "86400": DAY, "8.64E4": DAY},
    parsers.positive_seconds: {"1e-9": 1e-9, "86400": DAY},
    parsers.choice(parsers.LogLevel): {"debug": "debug", "critical": "critical"},
    parsers.choice(parsers.LogLevel, any_case=True): {"WARNING": "warning"},
    parsers.none_if_empty(parsers.flag): {"": None, "on": True},
    parsers.as_it_is: {" a ": " a "},
    parsers.existing_file: {"pyproject.toml": Path("pyproject.toml")},
    parsers.arguments: {"": "", "a 'b c'": "a 'b c'"},
    parsers.host_or_address: {each: each for each in ("::1", "0.0.0.0", "a", "db_1.example", "A1" + "a" * 251)},
    parsers.revision: {each: each for each in ("head", "heads", "a" * 128, "f00@head")},
    parsers.import_string: {each: each for each in ("a:b", "_a1.b:c.d_")},
    parsers.label: {each: each for each in ("", "a b", "ä" * 128)},
    parsers.metric_namespace: {each: each for each in ("A", "AWS", "a/b._-#9", "a" * 255)},
    parsers.probe_path: {each: each for each in ("", "/", "/livez", "/~a!$&'()*+,;=:@b/", "/" + "a" * 127)},
}
REFUSED: dict[Callable[[str], Any], tuple[str, ...]] = {
    parsers.flag: ("", "2", "tr", "ja"),
    parsers.true_or_false: ("", "True", "1", "yes"),
    parsers.whole_number(1, 10): ("", "0", "11", "1.0", "1_0", "٣", " 1", "0" * 19 + "10"),
    parsers.seconds: ("", "-1", "-0.1", "86400.1", "nan", "inf", "1_0", "1e1000", ".", " 1"),
    parsers.positive_seconds: ("0", "0.0", "-1", "86401"),
    parsers.choice(parsers.LogLevel): ("", "DEBUG", "trace"),
    parsers.existing_file: ("", "nowhere", "tests", "a\0b", "a" * 5000),
    parsers.arguments: ("'", 'a "b'),
    parsers.host_or_address: ("", "1", "1.2.3", "-a", "a-", ".a", "a b", "a/", "A1" + "a" * 252),
    parsers.services: ("nowhere",),
    parsers.revision: ("", "base", "+1", "a:b", "a b", "a" * 129),
    parsers.import_string: ("", "a", "a:", ":b", "a:b:c", "1a:b", "a..b:c", "a:b "),
    parsers.label: ("a\n", "\x7f", "a" * 129),
    parsers.metric_namespace: ("", "AWS/ECS", "a b", "a:b", "a" * 256),
    parsers.probe_path: ("livez", "/a?b", "/a#b", "/%41", "/a b", "/" + "a" * 128),
}


def _cases(table: Any) -> list[tuple[Callable[[str], Any], str]]:
    return [(parse, text) for parse, texts in table.items() for text in texts]


@pytest.mark.parametrize(("parse", "text"), _cases(TAKEN))
def test_a_valid_text_has_its_value(parse: Callable[[str], Any], text: str) -> None:
    """Each word, and the longest and the largest of each kind."""
    assert parse(text) == TAKEN[parse][text]


@pytest.mark.parametrize(("parse", "text"), _cases(REFUSED))
def test_another_text_is_refused(parse: Callable[[str], Any], text: str) -> None:
    """One character too much, and what only looks like a valid text."""
    with pytest.raises(ValueError, match=r"^\S"):
        parse(text)


def test_a_choice_names_all_words() -> None:
    """The sentence is all that a person has at the first start."""
    with pytest.raises(ValueError, match=r"^it must be `auto`, `json` or `text`$"):
        parsers.choice(parsers.LogFormat)("xml")

"""A known secret is masked however a library spells it: each driver, URL and `repr` in its own way."""

import itertools
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import hypothesis
import orjson
import pytest
from hypothesis import strategies as st
from pymysql.converters import escape_string
from sqlalchemy.engine.url import URL

from orchestrator.log.redaction import Redactor
from orchestrator.log.spellings import pattern_of

FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "repr": repr,
    "repr of a text that holds it": lambda secret: repr(f'it\'s "{secret}"'),
    "repr in a list": lambda secret: repr([secret]),
    "ascii": ascii,
    "bytes": lambda secret: repr(secret.encode()),
    "json": json.dumps,
    "json without escapes": lambda secret: orjson.dumps(secret).decode(),
    "percent": lambda secret: quote(secret, safe=""),
    "percent but slash": quote,
    "percent in lower case": lambda secret: re.sub("%..", lambda escape: escape[0].lower(), quote(secret, safe="")),
    "form": quote_plus,
    "url": lambda secret: URL.create("mysql+asyncmy", "u", secret, "h").render_as_string(hide_password=False),
    "sql": lambda secret: "'" + secret.replace("'", "''") + "'",
    "sql of mysql": lambda secret: "'" + secret.replace("\\", "\\\\").replace("'", "\\'") + "'",
}


ESCAPES: dict[str, Callable[[str], str]] = {
    "raw": str,
    "repr": lambda secret: repr(f"\"'{secret}")[4:-1],
    "ascii": lambda secret: ascii(f'"{secret}')[2:-1],
    "bytes": lambda secret: repr(secret.encode(errors="surrogatepass"))[2:-1],
    "json": lambda secret: json.dumps(secret)[1:-1],
    "json without escapes": lambda secret: json.dumps(secret, ensure_ascii=False)[1:-1],
    "percent": lambda secret: quote(secret, safe="", errors="surrogatepass"),
    "form": lambda secret: quote_plus(secret, errors="surrogatepass"),
    "sql of mysql": escape_string,
    "sql of postgresql": lambda secret: secret.replace("\\", "\\\\").replace("'", "''"),
}
HARD = [
    "it's 2 \\n + 'two'",
    'say "ä\N{ROSE}"\\3\n\t\x1b',
    "a'b\"c/d%e\\%5",
    "x1\\'\"y\\\\9",
    "\udcff\x1a\0?&=3",
    "ends in \\4\\",
    "sure-to-100%",
]
# Letters, digits and what any of the forms escapes; long enough to be recognised.
secrets = st.text(st.sampled_from("abcXYZ019'\"\\%@/:?&=# +\näß日\N{ROSE}"), min_size=8, max_size=20).filter(
    lambda text: len(set(text)) > 4
)


@pytest.mark.parametrize("form", list(FORMS))
@hypothesis.given(secret=secrets)
def test_a_known_secret_is_masked_in_any_form(form: str, secret: str) -> None:
    """Drivers quote, URLs encode, exceptions repr: each in its own way."""
    redactor = Redactor()
    redactor.register([secret])
    told = FORMS[form](secret)
    core = told.strip("'\"[]") if form != "url" else told.partition("://u:")[2].rpartition("@")[0]
    cleaned = redactor.text(f"before {told} after")
    assert core not in cleaned
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


@pytest.mark.parametrize("secret", HARD)
def test_a_known_secret_is_masked_in_a_form_of_a_form(secret: str) -> None:
    """A statement is in the `repr` of an error, which is in JSON; and not even a part of the secret stays."""
    redactor = Redactor()
    redactor.register([secret])
    for inner, outer in itertools.product(ESCAPES.values(), repeat=2):
        told = outer(inner(secret))
        assert redactor.text(f"before <{told}> after") == "before <***> after", told


@pytest.mark.parametrize("secret", ["\udcff\udcfe-secret", "\ud800", "a" * 65_536, "a\x00b", "."])
def test_any_text_may_be_a_secret(secret: str) -> None:
    """Registering is the first thing a process does: it must not be what it fails of."""
    redactor = Redactor()
    redactor.register([secret, ""])
    assert redactor.text(f"<{secret}>") == "<***>"


def test_a_very_long_secret_takes_no_part_of_the_start() -> None:
    """Each spelling of each of 100,000 brackets took 15 s of CPU time to compile, before the first line."""
    assert len(pattern_of("[" * 100_000)) == 200_000


def test_the_longer_secret_is_masked_first() -> None:
    """Else the rest of it stays behind the mask of the shorter one."""
    redactor = Redactor()
    redactor.register(["hunter"])
    redactor.register(["hunter2-and-more"])
    assert redactor.text("hunter2-and-more hunter") == "*** ***"

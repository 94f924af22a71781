"""Each name of a secret is masked in each of its places, in text and in the code of a traceback."""

import pytest

from orchestrator.log import guesses
from orchestrator.log.redaction import LONGEST, Redactor
from orchestrator.log.values import CUT

NAMES = ["password", "db_passwd", "client_secret", "ACCESS_TOKEN"]
PLACES = {
    "{}=hUnTeR": "{}=***",
    "a ({}='hUn T', b)": "a ({}=***, b)",
    'a ({}="hUn T", b)': "a ({}=***, b)",
    "{{'{}' : 'hUn T', 'b': 1}}": "{{'{}' : '***', 'b': 1}}",
    '{{"{}":"hUn\\"T", "b": 1}}': '{{"{}":\'***\', "b": 1}}',
    "{}='', b='x'": "{}=***, b='x'",
    "{}=": "{}=",
}
IN_CODE = {
    "connect({}='hUn T', port=1)": "connect({}='***', port=1)",
    'connect({}="hUn T", port=1)': "connect({}='***', port=1)",
    "connect({}='hUn": "connect({}='***'",
    'connect({}="hUn': "connect({}='***'",
    "connect({}='', port='x')": "connect({}='***', port='x')",
    "connect({}=given, port='x')": "connect({}=given, port='x')",
    "{{'{}': 'hUn T'}}": "{{'{}': '***'}}",
    "{{'{}':": "{{'{}':",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", PLACES)
def test_each_name_of_a_secret_is_masked_in_each_place(name: str, place: str) -> None:
    """One name that is forgotten in one place is a leak."""
    assert guesses.in_text(place.format(name)) == PLACES[place].format(name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", IN_CODE)
def test_literals_in_code_are_masked_and_names_stay(name: str, place: str) -> None:
    """The lines of a traceback are code, which may end within a literal; the reader needs the rest."""
    assert guesses.in_code(place.format(name)) == IN_CODE[place].format(name)


def test_a_url_in_code_shows_no_password() -> None:
    """`create_engine("mysql://...")` is the line at which most tracebacks about the database end."""
    assert guesses.in_code('create_engine("mysql://u:x@h/d")') == 'create_engine("mysql://u:***@h/d")'


@pytest.mark.parametrize(
    ("told", "masked"),
    [
        ("redis://:hUnTeR@cache", "redis://:***@cache"),
        ("see http://host:8080/a and b://u:hUnTeR@h", "see http://host:8080/a and b://u:***@h"),
        ("CREATE USER a IDENTIFIED  WITH  p  BY  'x' y", "CREATE USER a IDENTIFIED  WITH  p  BY  '***' y"),
        ("IDENTIFIED BY'x'", "IDENTIFIED BY'***'"),
        ("IDENTIFIED BY ''", "IDENTIFIED BY '***'"),
        ("IDENTIFIED BY 'a\\'b' c", "IDENTIFIED BY '***' c"),
        ('IDENTIFIED BY "a\\"b""c" d', "IDENTIFIED BY '***' d"),
        ("PASSWORD ( 'x')", "PASSWORD ( '***')"),
        ("unidentified by 'x'", "unidentified by 'x'"),
        ("'password': 'a", "'password': '***'"),
        ("'password': 'a\\", "'password': '***'"),
        ('"password": "a', "\"password\": '***'"),
        ("\"password\": ''", "\"password\": '***'"),
        ('"password": ""', "\"password\": '***'"),
    ],
)
def test_a_secret_is_masked_as_far_as_its_quotes_go(told: str, masked: str) -> None:
    """Escaped quotes belong to it, and so does the rest of a text that was cut in it."""
    assert guesses.in_text(told) == masked


def test_a_known_word_is_masked_in_code_only_as_a_literal() -> None:
    """With the password `app`, `app.main` in a line of code stays readable."""
    redactor = Redactor()
    assert redactor.code("app.run('app')") == "app.run('app')"
    redactor.register(["app"])
    assert redactor.code("app.run('app', 'apple')") == "app.run('***', 'apple')"


@pytest.mark.parametrize(("secret", "told"), [("a1", "ba1 a12 a1b 3a1"), ("1a", "1ab 1a2 b1a 21a")])
def test_a_known_word_is_no_part_of_a_longer_word(secret: str, told: str) -> None:
    """A digit at its edge is part of a longer number or word; a letter at its edge only of a longer word."""
    redactor = Redactor()
    redactor.register([secret])
    words = [redactor.known(word) for word in told.split()]
    assert words == {"a1": ["ba1", "a12", "a1b", "3***"], "1a": ["1ab", "***2", "b1a", "21a"]}[secret]


@pytest.mark.parametrize(("line", "masked"), [("abcd", "***"), ("abc", "abc")])
def test_the_lines_of_a_secret_are_masked_alone_from_four_characters_on(line: str, masked: str) -> None:
    """A driver may repeat one line of a key; lines such as `end` stay."""
    redactor = Redactor()
    redactor.register([f"first line\n {line} \nlast line"])
    assert redactor.known(line) == masked


def test_a_forgotten_secret_is_shown_again() -> None:
    """A replaced password is forgotten with the object that held it."""
    redactor = Redactor()
    redactor.register(["hUnTeR2", "other"])
    redactor.forget(["hUnTeR2"])
    assert redactor.known("hUnTeR2 other") == "hUnTeR2 ***"


def test_a_long_text_keeps_its_beginning_and_the_last_whole_lines() -> None:
    """The end of a traceback is the error itself."""
    redactor = Redactor()
    assert redactor.cut("x" * LONGEST) == "x" * LONGEST
    lines = "".join(f"{number:09}\n" for number in range(LONGEST // 5))
    beginning, cut, end = redactor.cut(lines).partition(f"\n{CUT}\n")
    assert (beginning, cut != "") == (lines[: LONGEST // 2], True)
    assert lines.endswith(f"\n{end}")
    assert LONGEST // 2 - 10 <= len(end) < LONGEST // 2


def test_a_text_is_cut_only_if_it_is_too_long() -> None:
    """A text of just the length that a line may have is whole; of a longer one, the end is cut."""
    redactor = Redactor()
    assert redactor.text("x" * LONGEST) == redactor.value("x" * LONGEST) == "x" * LONGEST
    assert redactor.text("x" * LONGEST + "\nend") == redactor.value("x" * LONGEST + "\nend") == "x" * LONGEST + CUT
    assert redactor.text("x" * (LONGEST + 1), keep_end=True) == "x" * LONGEST + CUT  # it has no line to end with


def test_the_message_of_an_exception_keeps_its_beginning_and_the_last_whole_lines() -> None:
    """Drivers tell the cause first, and SQLAlchemy a link last; no secret at either cut is shown in part."""
    redactor = Redactor()
    lines = "".join(f"{number:09}\n" for number in range(LONGEST // 5))
    told = redactor.text(f"password=hUnTeR\n{lines}password=hUnTeR", keep_end=True)
    beginning, _, end = told.partition(f"\n{CUT}\n")
    assert f"{beginning}\n".startswith("password=***\n000000000\n")
    assert end.endswith("9\npassword=***")
    assert len(beginning) == LONGEST // 2 - len("hUnTeR") + len("***")
    assert LONGEST // 2 - 10 <= len(end) < LONGEST // 2
    at_the_cut = "x" * (LONGEST // 2 - 20) + " mysql://user:hUnT:eR@h/d\n" + lines * 2
    assert "hUnT" not in redactor.text(at_the_cut, keep_end=True)


def test_parameters_that_are_longer_than_a_line_are_not_shown_in_part() -> None:
    """The `repr` of an array has lines, so the end that is kept might begin within the parameters."""
    values = "'rose@example.org',\n" * LONGEST
    told = Redactor().text(f"failed\n[SQL: SELECT 1]\n[parameters: ({values})]\n(Background on x)", keep_end=True)
    assert told == "failed\n[SQL: SELECT 1]\n[parameters: ***] (Background on x)"


@pytest.mark.parametrize(
    ("cut", "kept"),
    [
        ("see a://b then (mysql://u:hUn", "see a://b then (mysql"),
        ("a://b c a://b", "a://b c a"),
        ("a://b c", "a://b c"),
        ("://u:hUn", ""),
        (" ", " "),
    ],
)
def test_only_the_url_in_which_a_text_was_cut_is_left_out(cut: str, kept: str) -> None:
    """Its password may lack the `@`; what stands before it is what the reader needs."""
    assert guesses.without_half_a_url(cut) == kept

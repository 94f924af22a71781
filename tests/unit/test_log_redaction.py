"""No secret gets into a line: known ones in any form a library gives them, unknown ones where they usually stand."""

from collections.abc import Callable, Iterator

import pytest

from orchestrator.log import guesses
from orchestrator.log.redaction import LONGEST, REDACTOR, Redactor
from orchestrator.log.values import CUT
from tests.unit.growth import grows_with_the_length
from tests.unit.records import line, parsed, record

SECRET = "hUnTeR2'x\"7\\ä@/%q"


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Make the secret known, and forget it again."""
    REDACTOR.register([SECRET])
    yield
    REDACTOR.__init__()  # type: ignore[misc]  # as new


@pytest.mark.parametrize(
    "extra",
    [
        {"note": SECRET},
        {"note": ["a", {"b": ("c", {SECRET})}]},
        {"note": {SECRET: 1}},
        {SECRET: 1},
        {"note": f"mysql://u:{SECRET}@h/d"},
        {"note": SECRET.encode()},
        {"note": ValueError(SECRET)},
        {"note": {"deep": [[[[[[[[[[SECRET]]]]]]]]]]}},
        {"note": {("a", SECRET): 1}},
    ],
)
def test_a_secret_in_an_extra_is_masked_at_any_depth(extra: dict[str, object]) -> None:
    """Apps log whole configurations."""
    told = line(record(extra=extra))
    assert "hUnTeR2" not in told
    assert parsed(record("%s", next(iter(extra.values())), extra=extra))


@pytest.mark.parametrize(
    "name", ["password", "db_passwd", "client_secret", "access_token", "Authorization", "api_key", "APIKEY"]
)
@pytest.mark.parametrize("value", ["never seen before", 12_345_678, ["a"], {"a": "b"}, object(), "", 0])
@pytest.mark.paired("value")
def test_everything_under_a_name_that_says_secret_is_masked(name: str, value: object) -> None:
    """These are the secrets of which we do not know."""
    fields = parsed(record(extra={name: value, "headers": {name: value}}))
    assert fields[name] == "***"
    assert fields["headers"] == {name: "***"}
    assert parsed(record(extra={name: None}))[name] is None


@pytest.mark.parametrize(
    ("told", "masked"),
    [
        ("mysql://app:pa:ss@w@ord@host/d", "mysql://app:***@host/d"),
        ("to mysql+asyncmy://app:x@h, then https://u:y@z", "to mysql+asyncmy://app:***@h, then https://u:***@z"),
        ("https://host/path", "https://host/path"),
        ("host=h password=hunter2 user=u", "host=h password=*** user=u"),
        ("connect(passwd='it, (is)', db=1)", "connect(passwd=***, db=1)"),
        ("?access_token=abc&x=1", "?access_token=***&x=1"),
        ("CREATE USER a IDENTIFIED BY 'it''s \\' x'", "CREATE USER a IDENTIFIED BY '***'"),
        ("ALTER USER a IDENTIFIED WITH caching_sha2_password BY 'x'", None),
        ("ALTER ROLE a PASSWORD 'x' LOGIN", "ALTER ROLE a PASSWORD '***' LOGIN"),
        ("SELECT password FROM users WHERE id = 'x'", "SELECT password FROM users WHERE id = 'x'"),
    ],
)
def test_an_unknown_secret_is_masked_where_secrets_stand(told: str, masked: str | None) -> None:
    """In URLs, DSNs and the SQL that creates users; and in no other place."""
    cleaned = Redactor().text(told)
    assert cleaned == masked if masked else "'x'" not in cleaned


@pytest.mark.parametrize(
    "told",
    [
        "ALTER USER a IDENTIFIED WITH 'mysql_native_password' BY '{}'",
        'CREATE USER a IDENTIFIED BY "{}"',
        "CREATE USER a IDENTIFIED VIA ed25519 USING '{}'",
        "CREATE USER a IDENTIFIED VIA ed25519 USING PASSWORD('{}')",
        "CREATE USER a IDENTIFIED WITH sha256_password AS '{}'",
        "SET PASSWORD = PASSWORD('{}')",
        "ALTER ROLE a WITH ENCRYPTED PASSWORD '{}' LOGIN",
        "ALTER ROLE a PASSWORD '{}\\\n{}' LOGIN",
    ],
)
def test_the_password_of_a_statement_is_masked_in_every_dialect(told: str) -> None:
    """The report of a failed revision that creates a user contains its statement."""
    assert "hUnTeR" not in Redactor().text(told.replace("{}", "hUnTeR"))


CUTS = {
    "known": "hUnTeR2'x",
    "url": "mysql://app:hUnTeR2'x@host/d",
    "odd url": "mysql://app:hUn://TeR2'x@host/d",
    "pair": "password=hUnTeR2'x",
    "quoted pair": "password='hUnT eR2 x'",
    "item": "{'password': 'hUnT eR2 \\' x'}",
    "json": '{"password": "hUnT eR2 \\" x"}',
    "sql": "IDENTIFIED BY 'hUnT eR2 '' x'",
}


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("before", ["x", "x ", "password=x ", "a://b:c@d "])
def test_a_secret_at_the_cut_is_not_shown_in_part(name: str, before: str) -> None:
    """A long text is cut first and cleaned then; the cut may be at any place of the secret."""
    redactor = Redactor()
    if name == "known":
        redactor.register([CUTS[name]])
    for size in range(len(CUTS[name]) + 2):
        begin = (before * LONGEST)[: LONGEST - size - 1] + " "
        told = redactor.text(begin + CUTS[name] + " " + "end " * 100)
        assert told.endswith(CUT)
        assert [part for part in ("hUn", "nTe", "TeR", "eR2") if part in told] == []


PIECES = [
    *("=", ":", "'", '"', "://", "@", "\\", "''", "(", " ", "\n", "a", "a ", "a+", "x=", "ä", "a://b:", "a://b:c@"),
    *("password", "password=", "password='", "'password': ", "'password': '", "tokensecret", "[parameters: "),
    *("identified ", "identified by ", "identified by '", "identified with ", "password '", "\\'", "password  "),
]


OPENING = ("a://b:", "password='", "'password': '", "identified by '", "identified with ", "[parameters: ")


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_the_square_of_its_length(piece: str) -> None:
    """Each alone, and after the beginning of each pattern: every line of the app comes this way."""
    redactor = Redactor()
    redactor.register([SECRET, "xx", "app", "x" * 1000])

    def clean(text: str) -> None:
        for part in (redactor.known(text), text):
            guesses.in_text(part)
            guesses.in_code(part)

    def text(other: str) -> Callable[[int], str]:
        return lambda length: other + (piece * length)[:length]

    for other in ("", *OPENING):
        assert grows_with_the_length(clean, text(other)), other


WEAK = {
    "postgres": ("postgresql+asyncpg://postgres:postgres@db", "postgresql+asyncpg://***:***@db"),
    "a": ("a table of app_a said 'a' and b'a'", "*** table of app_a said '***' and b'***'"),
    "app": ("application app.main: \x1b[31mapp\x1b[0m \\napp", "application ***.main: \x1b[31m***\x1b[0m \\n***"),
    "2024": ("in 2024, not in 120245", "in ***, not in 120245"),
}


@pytest.mark.parametrize("secret", WEAK)
def test_a_password_that_is_a_mere_word_is_masked_as_a_word(secret: str) -> None:
    """`***ql+asyncpg` would not help to find the fault."""
    redactor = Redactor()
    redactor.register([secret])
    told, masked = WEAK[secret]
    assert redactor.known(told) == masked
    assert redactor.value({secret: f"{secret}!"}) == {secret: "***!"}


@pytest.mark.parametrize(
    "told",
    [
        "Can't locate revision identified by 'a1b2c3'",
        "No such revision or branch; several revisions identified by 'a1'",
        "sa.Column('password', sa.String(), nullable=False), sa.Column('id', sa.Integer())",
        'INSERT INTO t ("password", "id") VALUES (1, 2)',
    ],
)
def test_what_only_looks_like_a_secret_stays(told: str) -> None:
    """A name of a column or the id of a revision is what the reader needs."""
    assert Redactor().text(told) == told

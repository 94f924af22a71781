"""A text that is not a JSON filter pattern is refused, and the error gives the place and the cure."""

import pytest

from orchestrator.cloudwatch.patterns import Pattern, PatternError

# The arrow stands where the error has to be.
WRONG = {
    # the frame
    "-->": "begins with {",
    "--> ": "begins with {",
    "-->ERROR": "pattern of words",
    "-->%regex%": "pattern of words",
    "-->[ip, user]": "space-delimited",
    "--> { $.a = 1 }": "nothing before it",  # seen of AWS
    "{ $.a = 1 }--> ": "nothing behind it",
    "{ $.a = 1-->": "ends with }",
    "{ $.a = 1 }--> trailing": "ends with }",
    "{-->}": "a selector such as",
    "{ $.a = 1 } -->}": "the end",
    "{ $.a = 1 } -->% }": "the end",
    "{ ($.a = 1 -->}": "or )",
    "{ $.a = 1 -->) }": "or }",
    "{ $.a = 1 && -->}": "a selector",
    "{ $.a = 1 -->& $.b = 1 }": "&&",
    "{ $.a = 1 -->AND $.b = 1 }": "&&",
    "{ $.a = 1 -->$.b = 1 }": "&&",
    "{ -->!($.a = 1) }": "a selector",
    # selectors
    '{ -->status = "401" }': "such as $.name",
    "{ -->$ = 1 }": "a selector",
    "{ -->$.  = 1 }": "a selector",
    "{ -->$[0] = 1 }": "a selector",
    "{ -->$..a = 1 }": "a selector",
    "{ -->$.[0] = 1 }": "a selector",
    "{ -->$.[''] = 1 }": "a selector",
    '{ -->$.["a.b"] = 1 }': "a selector",
    "{ $.a-->. = 1 }": "letters, digits, - and _",
    "{ $.a-->/b = 1 }": "$.['key']",
    "{ $.na-->ïve = 1 }": "$.['key']",
    "{ $.a-->[x] = 1 }": "an index",
    "{ $.a-->[-1] = 1 }": "an index",
    "{ $.a-->[ 0 ] = 1 }": "an index",
    "{ $.*-->[*] = 1 }": "one wildcard",
    "{ $.a[*].b-->.* = 1 }": "one wildcard",
    "{ $.a[*] = 1 && $.b[*] = 1 && $.* = 1 && $.c-->[*] = 1 }": "3 wildcards",
    # operators
    "{ $.a -->}": "an operator",
    "{ $.a -->EXISTS }": "NOT EXISTS",
    "{ $.a IS -->NOT NULL }": "NULL, TRUE or FALSE",
    "{ $.a IS -->null }": "NULL, TRUE or FALSE",
    "{ $.a -->is NULL }": "IS NULL",
    "{ $.a -->ISNULL }": "IS NULL",
    "{ $.a IS -->NULLS }": "NULL, TRUE or FALSE",
    "{ $.a NOT -->EXIST }": "EXISTS",
    "{ $.a -->! = 1 }": "an operator",
    "{ $.a =-->= 1 }": "a value",
    "{ $.a <-->> 1 }": "a value",
    # values
    "{ $.a = -->}": "a value",
    "{ $.a = -->\N{NO-BREAK SPACE}1 }": "a value",
    '{ $.a = -->"x }': "no double quote",
    '{ $.a = -->"x\\" }': "no double quote",
    "{ $.a = -->'Root' }": "double quotes, not single ones",
    "{ $.a = foo-->-bar }": "double quotes",
    "{ $.a = 0.0.0.0-->/0 }": "double quotes",
    "{ $.a = -->ü }": "double quotes",
    "{ $.a = -->$.b }": "double quotes",
    "{ $.a = b -->c }": "&&",
    '{ $.a > -->"5" }': "a number, without quotes",
    "{ $.a <= -->five }": "a number",
    "{ $.a >= -->5* }": "a number",
    "{ $.a < -->%5% }": "a number",
    "{ $.a < -->1.2.3 }": "a number",
    "{ $.a < -->1e }": "a number",
    # regular expressions
    "{ $.a = -->%x }": "no % closes",
    "{ $.a = %-->% }": "empty",
    "{ $.a = %a-->(b)% }": r"\x28",
    r"{ $.a = %a\-->(b% }": r"\x28",
    "{ $.a = %something-->!% }": r"\x21",
    '{ $.a = %a-->"% }': r"\x22",
    "{ $.a = %a-->\tb% }": r"\x09",
    "{ $.a = %caf-->é% }": "may not contain",
    "{ $.a = %-->*% }": "to be repeated",
    "{ $.a = %a|-->+% }": "to be repeated",
    "{ $.a = %^-->*% }": "to be repeated",
    "{ $.a = %a*-->*% }": "to be repeated",
    "{ $.a = %a{2}-->{3}% }": "a repetition",
    "{ $.a = %a-->{3,% }": "a repetition",
    "{ $.a = %-->{3}% }": "a repetition",
    "{ $.a = %a-->{,}% }": "a repetition",
    "{ $.a = %a-->{5,3}% }": "at least 5 times and at most 3",
    "{ $.a = %a-->{2001}% }": "2,000",
    "{ $.a = %a-->{999999999999}% }": "2,000",
    "{ $.a = %-->a{1999}b{1999}% }": "2,000",
    "{ $.a = %-->[abc% }": "no ] closes",
    "{ $.a = %-->[]% }": "no ] closes",
    "{ $.a = %x-->[z-a]% }": "z-a",
    r"{ $.a = %a-->\% }": "a \\ needs a character",
    r"{ $.a = %-->\x4% }": "two hexadecimal digits",
    r"{ $.a = %-->\x8F% }": r"\x7F",
    r"{ $.a = %-->\b% }": r"\d \D",
    r"{ $.a = %-->\1% }": r"\d \D",
    r"{ $.a = %[a-->\p]% }": r"\d \D",
    "{ $.a = %x% && $.b = %y% && $.c = -->%z% }": "2 regular expressions",
}


@pytest.mark.parametrize("marked", WRONG)
def test_a_wrong_pattern_is_refused_where_it_is_wrong(marked: str) -> None:
    """Whoever wrote it has to find the place among a thousand characters."""
    with pytest.raises(PatternError) as caught:
        Pattern.compile(marked.replace("-->", ""))
    assert caught.value.position == marked.index("-->")
    assert WRONG[marked] in caught.value.reason


def test_the_sentence_has_the_place_the_reason_and_an_arrow_on_one_line() -> None:
    """It is printed as it is; a pattern may have newlines, and characters that a terminal obeys."""
    with pytest.raises(PatternError) as caught:
        Pattern.compile("{ $.a\n=\x1b[31m }")
    assert str(caught.value) == (
        "at character 8: a value with other characters than letters, digits, _, . and * belongs in double quotes:"
        " { $.a\\n=-->\\x1b[31m }"
    )


def test_only_the_neighbourhood_of_the_place_is_shown() -> None:
    """A line on stderr is to be read."""
    conditions = "$.a = 1 || " * 80
    with pytest.raises(PatternError) as caught:
        Pattern.compile("{ " + conditions + "$.b ? 1 }")
    assert str(caught.value).endswith(" NOT EXISTS: ...a = 1 || $.a = 1 || $.b -->? 1 }")


def test_a_pattern_has_at_most_1024_characters() -> None:
    """CloudWatch's limit."""
    longest = '{ $.a = "' + "x" * 1012 + '" }'
    assert len(longest) == 1024
    assert Pattern.compile(longest).matches({"a": "x" * 1012})
    with pytest.raises(
        PatternError, match=r"at character 1025: a pattern has at most 1,024 characters, this one 1,025"
    ):
        Pattern.compile(longest.replace("x", "xx", 1))


def test_parentheses_may_be_as_deep_as_a_pattern_is_long() -> None:
    """A recursive parser would die of them."""
    assert Pattern.compile("{" + "(" * 508 + "$.a=1" + ")" * 508 + "}").matches({"a": 1})
    for hostile in ("{" + "(" * 1022 + "}", "{" * 1023 + "}", "{" + "(" * 511 + ")" * 511 + "}"):
        with pytest.raises(PatternError):
            Pattern.compile(hostile)


def test_conditions_may_be_nested_as_deep_as_a_pattern_is_long() -> None:
    """Evaluation follows the nesting, and must not come to Python's limit."""
    depth = 85
    pattern = Pattern.compile("{" + "$.a=1&&($.b=1||(" * (depth // 2) + "$.c=1" + ")" * (depth // 2 * 2) + "}")
    assert pattern.matches({"a": 1, "c": 1})
    assert not pattern.matches({"a": 1})


def test_a_pattern_may_be_as_long_as_the_longest_of_flat_ones() -> None:
    """Our limits are not below CloudWatch's."""
    pattern = Pattern.compile("{" + "||".join(["$.a=1"] * 145) + "}")
    assert pattern.matches({"a": 1})
    assert not pattern.matches({"a": 2})


@pytest.mark.parametrize(
    "repetition", ["{1000}", "{1001}", "{1999}", "{1000,}", "{,1000}", "{500,1400}", "{1001,1003}"]
)
def test_repetitions_beyond_those_of_re2_work(repetition: str) -> None:
    """RE2 repeats 1,000 times at most; CloudWatch documents no such limit."""
    low, _, high = repetition.strip("{}").partition(",")
    least = int(low or 0)
    most = int(high) if high else least if "," not in repetition else 3000
    pattern = Pattern.compile(f"{{ $.a = %^a{repetition}$% }}")
    assert pattern.matches({"a": "a" * least})
    assert pattern.matches({"a": "a" * most})
    assert not pattern.matches({"a": "a" * (least - 1)} if least else {"a": "b"})
    assert pattern.matches({"a": "a" * 3001}) == (most == 3000)


@pytest.mark.parametrize(
    "regex", ["a*a*a*a*a*a*a*a*a*b", "[a-z]*[a-z]*[a-z]*[a-z]*_", "a?" * 300 + "a{300}b", ".*.*.*.*=$"]
)
def test_a_regular_expression_cannot_be_made_to_run_without_limit(regex: str) -> None:
    """With a backtracking engine each of these would take years; the test's own timeout is the limit."""
    assert not Pattern.compile(f"{{ $.a = %{regex}% }}").matches({"a": "a" * 100_000})


@pytest.mark.parametrize("regex", [".{,1000}" * 120, "[a-z]{,2000}" * 80, "a{2000}" * 140, "a?" * 490, "|" * 990])
def test_a_regular_expression_cannot_be_made_to_compile_without_limit(regex: str) -> None:
    """RE2 needs minutes for some that fit into 1,024 characters; those are refused before it sees them."""
    pattern = f"{{ $.a = %{regex}% }}"
    if "{" in regex:
        with pytest.raises(PatternError, match="add up to more than 2,000 characters"):
            Pattern.compile(pattern)
    else:
        assert Pattern.compile(pattern).matches({"a": "b"})

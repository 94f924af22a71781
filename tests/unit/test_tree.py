"""The tree of revisions: what is pending, in which order, and which trees are invalid."""

import pytest

from orchestrator.errors import MigrationTreeInvalid, StartupError
from orchestrator.migrations.scripts.tree import Revision, Tree, names


def tree(**needs: str) -> Tree:
    """A tree from `child="parent parent +dependency"`."""
    return Tree.of(
        Revision(
            identity,
            tuple(each for each in text.split() if not each.startswith("+")),
            tuple(each[1:] for each in text.split() if each.startswith("+")),
        )
        for identity, text in needs.items()
    )


def invalid(**needs: str) -> MigrationTreeInvalid:
    """Return the failure for an invalid tree."""
    with pytest.raises(StartupError) as caught:
        tree(**needs)
    assert isinstance(caught.value.failure, MigrationTreeInvalid)
    return caught.value.failure


def pending(of: Tree, current: str, target: str = "heads") -> str:
    """Ids of what is pending, joined by blanks."""
    targets = of.targets(target)
    assert targets is not None
    return " ".join(each.id for each in of.pending(current.split(), targets))


CHAIN = tree(d="c", c="b", b="a", a="")
DIAMOND = tree(a="", b="a", c="a", m="b c")
FOREST = tree(a1="", a2="a1", b1="", b2="b1 +a2")


@pytest.mark.parametrize(
    ("given", "current", "target", "expected"),
    [
        (CHAIN, "", "head", "a b c d"),
        (CHAIN, "b", "head", "c d"),
        (CHAIN, "d", "head", ""),
        (CHAIN, "d", "b", ""),
        (CHAIN, "a", "c", "b c"),
        (CHAIN, "zz", "head", "a b c d"),
        (DIAMOND, "", "head", "a b c m"),
        (DIAMOND, "b", "head", "c m"),
        (DIAMOND, "b c", "head", "m"),
        (DIAMOND, "a", "c", "c"),
        (FOREST, "", "heads", "a1 a2 b1 b2"),
        (FOREST, "b1", "b2", "a1 a2 b2"),
        (FOREST, "b2", "heads", ""),
        (FOREST, "a1", "heads", "a2 b1 b2"),
        (tree(), "", "heads", ""),
    ],
)
def test_pending_revisions_come_in_an_order_that_can_be_applied(
    given: Tree, current: str, target: str, expected: str
) -> None:
    """After everything it follows or depends on, and nothing that is there already."""
    assert pending(given, current, target) == expected


def test_a_head_implies_what_it_depends_on() -> None:
    """Alembic removes a dependency's row from the version table."""
    assert FOREST.heads == ("a2", "b2")
    assert FOREST.lineage(["b2"]) == {"a1", "a2", "b1", "b2"}
    assert FOREST.pending(["b2"], FOREST.heads) == []


def test_the_order_does_not_depend_on_the_order_of_the_files() -> None:
    """Two replicas must announce the same plan."""
    shuffled = tree(m="c b", c="a", b="a", a="")
    assert [each.id for each in shuffled.ordered] == [each.id for each in DIAMOND.ordered] == ["a", "b", "c", "m"]


@pytest.mark.parametrize("target", ["head", "heads"])
def test_one_head_is_the_target_of_both_names(target: str) -> None:
    """The usual tree."""
    assert DIAMOND.targets(target) == ("m",)


def test_several_heads_are_no_head() -> None:
    """Two branches were merged in git and not in Alembic: the most frequent fault of all."""
    with pytest.raises(StartupError, match="there are 2 heads: a2, b2") as caught:
        FOREST.targets("head")
    assert caught.value.failure.error_type == "several_heads"
    assert "alembic merge heads" in caught.value.failure.hint
    assert FOREST.targets("heads") == ("a2", "b2")


def test_a_tree_without_revisions_has_no_heads_and_nothing_to_do() -> None:
    """A project's first day."""
    assert (tree().heads, tree().targets("head"), tree().targets("heads")) == ((), (), ())


@pytest.mark.parametrize("target", ["ab", "branch@head", "zz", "HEAD", ""])
def test_a_name_that_is_not_a_revision_is_left_to_alembic(target: str) -> None:
    """Part of an id, or a branch: it resolves them."""
    assert CHAIN.targets(target) is None
    assert CHAIN.targets("b") == ("b",)


def test_a_revision_that_exists_twice_is_named() -> None:
    """A copied script with its id; Alembic takes one of them and warns."""
    with pytest.raises(StartupError, match="revision a exists twice") as caught:
        Tree.of([Revision("a"), Revision("a", ("a",))])
    assert caught.value.failure.error_type == "duplicate_revision"


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        ({"b": "a"}, "revision b needs a, which does not exist"),
        ({"a": "", "b": "a +zz"}, "revision b needs zz, which does not exist"),
        ({"a": "a"}, "in a circle: a"),
        ({"a": "c", "b": "a", "c": "b"}, "in a circle: a, b, c"),
        ({"r": "", "a": "r +b", "b": "a"}, "in a circle: a, b"),
    ],
)
def test_a_broken_chain_is_refused(needs: dict[str, str], told: str) -> None:
    """A deleted script, or an id that was edited."""
    failure = invalid(**needs)
    assert failure.error_type == "broken_chain"
    assert failure.error_message.endswith(told)
    assert failure.exits_with == 9


def test_the_same_parent_named_twice_counts_once() -> None:
    """As a parent and a dependency, for example: otherwise it would wait for itself without end."""
    assert pending(tree(a="", b="a a +a"), "") == "a b"


def test_what_this_image_does_not_have_is_unknown() -> None:
    """Never guess about it."""
    assert CHAIN.unknown(["zz", "b"]) == ["zz"]
    assert CHAIN.unknown([]) == []
    assert CHAIN.lineage(["zz"]) == set()


@pytest.mark.parametrize(("heads", "told"), [([], "base"), (["a"], "a"), (["a", "b"], "a,b")])
def test_heads_are_shown_joined_by_commas(heads: list[str], told: str) -> None:
    """In one field, for any number."""
    assert names(heads) == told


def test_ten_thousand_revisions_are_ordered_in_a_moment() -> None:
    """And without recursion, which ends at a thousand."""
    long = Tree.of(Revision(f"{number:05}", (f"{number - 1:05}",) if number else ()) for number in range(10_000))
    assert len(long.ordered) == 10_000
    assert len(long.lineage(long.heads)) == 10_000
    assert [each.id for each in long.pending(["09998"], long.heads)] == ["09999"]


def test_a_tree_that_is_given_in_its_order_is_checked_in_one_pass() -> None:
    """As by a manifest: a start at head needs no more of it."""
    assert "ordered" not in vars(Tree.of([Revision("a"), Revision("b", ("a",)), Revision("m", ("b",), ("a",))]))
    assert "ordered" in vars(Tree.of([Revision("b", ("a",)), Revision("a")]))

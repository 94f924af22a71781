"""How a database stands to an image: there, behind, provably ahead, or elsewhere."""

import pytest

from orchestrator.migrations.position.lineage import Comparison, Entry, Position, changed_scripts, compare, repaired
from orchestrator.migrations.scripts.tree import Revision, Tree


def tree(**needs: str) -> Tree:
    """A tree from `child="parent parent"`; the script of each is called `script of child`."""
    return Tree.of(
        Revision(identity, tuple(text.split()), checksum=f"of {identity}") for identity, text in needs.items()
    )


def entry(revision: str, needs: str = "", *, done: int = 3, pending: str = "", finished: bool = True) -> Entry:
    """A row of the journal."""
    return Entry(revision, tuple(needs.split()), f"of {revision}", "1.0", "boot", finished, done, pending)


def half(revision: str, needs: str, *, done: int = 1, pending: str = "ALTER") -> Entry:
    """A row of a revision that was interrupted."""
    return entry(revision, needs, done=done, pending=pending, finished=False)


def at(heads: str, *entries: Entry) -> Position:
    """A database with these rows in its journal."""
    return Position(tuple(heads.split()), {each.revision: each for each in entries})


def standing(image: Tree, position: Position, target: str = "") -> Comparison:
    """How a database stands to an image's heads, or to another target."""
    return compare(image, tuple(target.split()) or image.heads, position)


V1 = tree(a="", b="a")
V2 = tree(a="", b="a", c="b", d="c")
FORKED = tree(a="", left="a", right="a")
JOURNAL = (entry("a"), entry("b", "a"), entry("c", "b"), entry("d", "c"))


@pytest.mark.parametrize(
    ("image", "position", "target", "pending"),
    [
        (V1, at(""), "", "a b"),
        (V1, at("a"), "", "b"),
        (V1, at("b"), "", ""),
        (V2, at("d"), "b", ""),
        (V2, at("a", *JOURNAL), "", "b c d"),
        (V1, at("", half("a", "")), "", "a b"),
        (V1, at("a", half("b", "a")), "", "b"),
        (FORKED, at("left"), "", "right"),
    ],
)
def test_what_the_image_knows_is_judged_by_its_tree(image: Tree, position: Position, target: str, pending: str) -> None:
    """The heads show what is in the database; the journal may have rows of revisions that were downgraded since."""
    found = standing(image, position, target)
    assert (found.lineage, found.half_applied) == ("", [])
    assert " ".join(each.id for each in found.pending) == pending


@pytest.mark.parametrize(
    ("image", "position", "target", "more"),
    [
        (V1, at("d", *JOURNAL), "", "c, d"),
        (V1, at("c", entry("c", "b")), "", "c"),
        (V1, at("d", *JOURNAL), "a", "c, d"),
        (tree(), at("b", *JOURNAL), "", "a, b"),
        (FORKED, at("merged", entry("merged", "left right")), "", "merged"),
        (FORKED, at("merged", entry("merged", "left right")), "left", "merged"),
        (FORKED, at("left more", entry("more", "right")), "", "more"),
        (V1, at("b other", entry("other")), "", "other"),
        (V1, at("x", entry("x", "y b"), entry("y", "a")), "", "x, y"),
        (V1, at("c", half("c", "b")), "", "c"),
    ],
)
def test_what_leads_back_to_all_that_the_image_needs_is_proven(
    image: Tree, position: Position, target: str, more: str
) -> None:
    """Through one row or many, merges, new branches, and the row of a revision that was repaired and stamped."""
    found = standing(image, position, target)
    assert (found.lineage, found.reason, found.pending) == ("proven", "ahead", ())
    assert found.difference == f"the database has all that this image needs, and {more}"


@pytest.mark.parametrize(
    ("image", "position", "gaps"),
    [
        (V1, at("c"), "c"),
        (V1, at("d", entry("d", "c")), "c"),
        (V1, at("b z"), "z"),
        (V1, at("merged", entry("merged", "b z")), "z"),
        (V1, at("d", entry("c", "b")), "d"),
        (V1, at("y z"), "y, z"),
        (V1, at("b", half("e", "d")), "d"),
    ],
)
def test_without_a_row_nothing_is_proven(image: Tree, position: Position, gaps: str) -> None:
    """Plain Alembic may have applied it: it may follow any revision. The unknown revision is named."""
    found = standing(image, position)
    assert (found.lineage, found.reason, found.pending) == ("unknown", "no_record", ())
    assert found.difference.startswith(f"the lineage of {gaps} is not known: ")


@pytest.mark.parametrize(
    ("image", "position", "told"),
    [
        (
            tree(a="", b="a", c2="b", d2="c2"),
            at("d", *JOURNAL),
            "the database has c, d, and this image has c2, d2 instead: they part after b",
        ),
        (V1, at("c", entry("c", "a")), "the database has c, and this image has b instead: they part after a"),
        (V1, at("z", entry("z")), "the database has z, and this image has a, b instead: they have nothing in common"),
        (
            FORKED,
            at("more", entry("more", "left")),
            "the database has more, and this image has right instead: they part after left",
        ),
        (
            tree(new=""),
            at("b", *JOURNAL),
            "the database has a, b, and this image has new instead: they have nothing in common",
        ),
    ],
)
def test_branches_that_part_are_reported_with_where(image: Tree, position: Position, told: str) -> None:
    """Two teams, or a squashed tree; the repair begins with the place."""
    found = standing(image, position)
    assert (found.lineage, found.reason, found.pending) == ("unknown", "diverged", ())
    assert found.difference == told


@pytest.mark.parametrize(("done", "pending"), [(1, "ALTER"), (1, ""), (0, "ALTER")])
def test_a_half_applied_revision_of_a_newer_image_is_ahead(done: int, pending: str) -> None:
    """This image has nothing to do, and does not know what the other one has begun, be it but one statement."""
    found = standing(V1, at("b", *JOURNAL[:2], half("c", "b", done=done, pending=pending)))
    assert (found.lineage, found.half_applied) == ("proven", ["c"])
    assert found.difference == ("the database has all that this image needs; c is half applied, or is being applied")


def test_a_half_applied_revision_beyond_the_target_is_ahead() -> None:
    """Known or not: it is not this start's business, and yet in the database."""
    found = standing(V2, at("b", half("c", "b")), "b")
    assert (found.lineage, found.half_applied) == ("proven", ["c"])


def test_a_half_applied_revision_on_top_of_unknown_ones_is_reported_with_them() -> None:
    """Complete and half-applied revisions are different news."""
    found = standing(V1, at("c", entry("c", "b"), half("d", "c")))
    assert found.difference == (
        "the database has all that this image needs, and c; d is half applied, or is being applied"
    )


def test_a_half_applied_revision_stands_in_the_way_of_others() -> None:
    """Only the holder of the lock can check what it has left: it may be running now."""
    found = standing(tree(a="", b="a", c2="b"), at("b", half("c", "b")))
    assert (found.lineage, found.half_applied, [each.id for each in found.pending]) == ("", ["c"], ["c2"])


def test_a_revision_that_was_begun_and_left_nothing_is_nothing() -> None:
    """Its first statement failed: the row stays, as rows do."""
    for image in (V1, tree(a="", b="a", c2="b")):
        found = standing(image, at("b", half("c", "b", done=0, pending="")))
        assert (found.lineage, found.half_applied) == ("", [])


def test_a_revision_that_was_finished_by_hand_is_in_the_database() -> None:
    """The person who repairs it stamps it; its row stays marked as interrupted until we update it."""
    position = at("c", *JOURNAL[:2], half("b", "a"), half("c", "b"))
    assert standing(V2, position).half_applied == []
    assert repaired(V2, position) == ["b", "c"]
    assert repaired(V2, at("a", half("b", "a"))) == []


def test_rows_that_need_each_other_in_a_circle_prove_nothing() -> None:
    """Such rows are never written, and the check must end."""
    found = standing(V1, at("x", entry("x", "y"), entry("y", "x")))
    assert (found.lineage, found.reason) == ("unknown", "diverged")


@pytest.mark.parametrize(("several", "more"), [(10, ""), (12, " and 2 more")])
def test_at_most_ten_revisions_are_named(several: int, more: str) -> None:
    """A message is for reading; `and 0 more` would make the reader look for it."""
    found = standing(V1, at(" ".join(f"z{number:02}" for number in range(several))))
    assert f"z00, z01, z02, z03, z04, z05, z06, z07, z08, z09{more} is not" in found.difference


@pytest.mark.parametrize("heads", ["x y z", "z y x", "y z x"])
def test_what_two_heads_share_does_not_hide_a_third(heads: str) -> None:
    """A shared ancestor is met twice; the search goes on with what waits behind it."""
    found = standing(V1, at(heads, entry("x", "b"), entry("y", "b")))
    assert found.difference.startswith("the lineage of z is not known: ")


def test_a_script_that_was_changed_is_found() -> None:
    """With the row that has its earlier checksum."""
    rows = [entry("a"), Entry("b", ("a",), "another", "1.0", "boot", finished=True)]
    assert changed_scripts(V2, at("b", *rows)) == [(rows[1], V2.revisions["b"])]
    ahead = at("d", *rows, entry("c", "b"), entry("d", "c"))
    assert changed_scripts(V1, ahead) == [(rows[1], V1.revisions["b"])]


@pytest.mark.parametrize(
    ("heads", "row"),
    [
        ("b", Entry("b", ("a",), "", "1.0", "boot", finished=True)),
        ("a", Entry("b", ("a",), "another", "1.0", "boot", finished=True)),
        ("b", Entry("b", ("a",), "another", "1.0", "boot", finished=False, statements_done=1)),
        ("b z", Entry("z", ("a",), "another", "1.0", "boot", finished=True)),
    ],
)
def test_a_script_of_which_nothing_is_known_is_not_changed(heads: str, row: Entry) -> None:
    """No checksum, taken back since, finished by hand, or not in this image."""
    assert changed_scripts(V2, at(heads, entry("a"), row)) == []


def test_a_script_without_a_checksum_is_not_changed() -> None:
    """A compiled one: it holds the time of its source."""
    image = Tree.of([Revision("a")])
    assert changed_scripts(image, at("a", entry("a"))) == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            ("a", "b,c", "d", "1", "boot", 1, 2, None),
            Entry("a", ("b", "c"), "d", "1", "boot", finished=True, statements_done=2),
        ),
        (("a", "", "", "", "", True, 0, ""), Entry("a", (), "", "", "", finished=True)),
        (("a", None, None, None, None, 0, 0, "x"), Entry("a", (), "", "", "", finished=False, pending_statement="x")),
    ],
)
def test_a_row_is_read_as_any_database_gives_it(row: tuple[object, ...], expected: Entry) -> None:
    """MySQL has no booleans, and what may be empty may be NULL."""
    assert repr(Entry.of(row)) == repr(expected)


def test_a_database_at_head_takes_no_walk_through_the_tree() -> None:
    """Each start of a replica asks; a tree of thousands would cost a hundredth of it."""
    image = tree(a="", b="a", c="b")
    position = at("c", entry("a"), entry("b", "a"), entry("c", "b"))
    assert (standing(image, position).pending, changed_scripts(image, position)) == ((), [])
    assert "ordered" not in vars(image)

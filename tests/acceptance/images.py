"""Versions of a service, each an image with its own copy of a growing tree."""

from pathlib import Path

from tests.acceptance.migrations import CREATE, INSERT
from tests.harness import Project, make_project

TREE = {
    "r1": CREATE.format("plants"),
    "r2": INSERT.format(1, "rose"),
    "r3": "op.add_column('plants', sa.Column('height', sa.Integer))",
    "r4": CREATE.format("trees"),
}
DOWN = {
    "r2": "op.execute('DELETE FROM plants')",
    "r3": "op.drop_column('plants', 'height')",
    "r4": "op.drop_table('trees')",
}


def image(directory: Path, name: str, revisions: str, **others: str) -> Project:
    """Make an image.

    Args:
        directory: the directory of all images.
        name: the image's name.
        revisions: ids, each following the previous one.
        others: bodies of upgrades that are not in `TREE`, or differ there; by default, they do nothing.
    """
    project = make_project(directory / name)
    for revision in revisions.split():
        project.add_revision(revision, (TREE | others).get(revision, "pass"), downgrade=DOWN.get(revision, "pass"))
    return project

"""Several clients change plants at once, on every database."""

import httpx

from tests.app.plants import create, found
from tests.harness import together


async def test_of_many_at_once_one_gets_the_name(client: httpx.AsyncClient) -> None:
    """To look first and insert then would let two through."""
    answers = await together(*(client.post("/plants", json={"name": "Rose"}) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert await found(client) == ["Rose"]


async def test_many_different_ones_at_once_all_succeed(client: httpx.AsyncClient) -> None:
    """More requests than connections queue for them, and SQLite's one writer is waited for."""
    names = [f"Plant {number}" for number in range(40)]
    plants = await together(*(create(client, name, tags=["new"]) for name in names))
    assert len({plant["id"] for plant in plants}) == 40
    assert sorted(await found(client, limit=100, tag="new")) == sorted(names)


async def test_changes_of_one_plant_at_once_follow_each_other(client: httpx.AsyncClient) -> None:
    """Two that read before they write would both add the same tag, and one would fail."""
    plant = await create(client, "Rose")
    path = f"/plants/{plant['id']}"
    changes = [{"tags": ["red", str(number)]} for number in range(12)]
    answers = await together(*(client.patch(path, json=change) for change in changes))
    assert {answer.status_code for answer in answers} == {200}
    assert (await client.get(path)).json()["tags"] in [sorted(change["tags"]) for change in changes]


async def test_a_change_and_a_deletion_at_once_end_in_an_answer(client: httpx.AsyncClient) -> None:
    """Whoever comes second finds the plant changed or gone, but not half of it."""
    plants = [await create(client, f"Plant {number}", tags=["red"]) for number in range(6)]
    paths = [f"/plants/{plant['id']}" for plant in plants]
    changes = [client.patch(path, json={"tags": ["blue"]}) for path in paths]
    deletions = [client.delete(path) for path in paths]
    answers = await together(*(call for pair in zip(changes, deletions, strict=True) for call in pair))
    assert {answer.status_code for answer in answers[::2]} <= {200, 404}
    assert {answer.status_code for answer in answers[1::2]} == {204}
    assert await found(client) == []

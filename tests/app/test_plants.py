"""The service's operations on one plant, on every database: created, found, changed, deleted."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from structlog.testing import capture_logs

from tests.app.plants import create, found


async def test_a_new_plant_is_found_where_the_answer_says(client: httpx.AsyncClient) -> None:
    """The response of a POST equals that of a later GET, to the microsecond."""
    before = datetime.now(UTC)
    fields = {"description": "Blue.\r\n\tIn spring.", "height_cm": 20, "tags": ["Spring", "BLUE", "blue "]}
    answer = await client.post("/plants", json={"name": "  Blue \n pansy ", **fields})
    assert answer.status_code == 201
    plant = answer.json()
    assert plant["name"] == "Blue pansy"
    assert plant["tags"] == ["blue", "spring"]
    assert plant["created_at"] == plant["updated_at"]
    assert plant["created_at"].endswith("Z")
    assert before <= datetime.fromisoformat(plant["created_at"]) <= datetime.now(UTC)
    again = await client.get(answer.headers["Location"])
    assert (again.status_code, again.json()) == (200, plant)


async def test_plants_that_come_and_go_are_events(client: httpx.AsyncClient) -> None:
    """A name and a number, not a sentence: log queries count them."""
    with capture_logs() as logged:
        number = (await client.post("/plants", json={"name": "Pansy"})).json()["id"]
        await client.delete(f"/plants/{number}")
    assert [(each["event"], each["plant_id"]) for each in logged] == [
        ("plant_created", number),
        ("plant_deleted", number),
    ]


async def test_a_name_alone_is_enough(client: httpx.AsyncClient) -> None:
    """All other fields are null or empty, never missing: a client reads the same fields each time."""
    plant = await create(client, "Rose", description="  ")
    assert (plant["description"], plant["height_cm"], plant["tags"]) == (None, None, [])


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.paired("database")
async def test_a_plant_that_is_not_there_is_404(client: httpx.AsyncClient, method: str) -> None:
    """A PATCH of a missing plant must not look like a success."""
    for body in [{}, {"height_cm": 7}] if method == "PATCH" else [None]:
        answer = await client.request(method, "/plants/2147483647", json=body)
        assert answer.status_code == 404
        assert answer.json() == {"detail": "There is no plant 2147483647."}


async def test_a_name_is_taken_in_any_case(client: httpx.AsyncClient) -> None:
    """SQLite folds ASCII only and PostgreSQL nothing; the same request must mean the same on all."""
    first = ["Rose", "Straße", "Änglavakt", "Caf\u00e9"]
    second = ["ROSE", "STRASSE", "änglavakt", "cafe\u0301"]
    for name in first:
        await create(client, name)
    for name in second:
        answer = await client.post("/plants", json={"name": name})
        assert answer.status_code == 409
        assert "already" in answer.json()["detail"]
    assert await found(client) == first


async def test_every_script_comes_back_as_it_went_in(client: httpx.AsyncClient) -> None:
    """Four bytes a character is where a MySQL that was set up carelessly gives up."""
    name = "🌸 桜 жёлудь ساکورا 👩‍🌾"
    plant = await create(client, name, description=name, tags=[name])
    assert (plant["name"], plant["description"], plant["tags"]) == (name, name, [name])
    assert await found(client, q="ЖЁЛУДЬ") == [name]


async def test_the_longest_of_everything_fits(client: httpx.AsyncClient) -> None:
    """The columns hold what the schemas allow, even if folding turns one letter into three."""
    longest = {"description": "🌸" * 2000, "tags": [f"{n:02}" + "🌸" * 38 for n in range(20)]}
    plant = await create(client, "ﬃ" * 80, height_cm=12_000, **longest)
    assert plant == (await client.get(f"/plants/{plant['id']}")).json()
    assert await found(client, q="FFI" * 26) == ["ﬃ" * 80]


async def test_a_patch_leaves_alone_what_it_does_not_name(client: httpx.AsyncClient) -> None:
    """Left out and null are two things: one keeps, the other empties."""
    plant = await create(client, "Rose", description="Red.", height_cm=90, tags=["red"])
    path = f"/plants/{plant['id']}"
    changed = (await client.patch(path, json={"description": None})).json()
    assert changed == plant | {"description": None, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > plant["updated_at"]
    emptied = (await client.patch(path, json={"height_cm": None, "tags": []})).json()
    assert (emptied["name"], emptied["height_cm"], emptied["tags"]) == ("Rose", None, [])
    assert (await client.get(path)).json() == emptied


async def test_a_patch_of_nothing_changes_nothing(client: httpx.AsyncClient) -> None:
    """Not even the time of the last change."""
    plant = await create(client, "Rose")
    answer = await client.patch(f"/plants/{plant['id']}", json={})
    assert (answer.status_code, answer.json()) == (200, plant)


async def test_a_renamed_plant_is_found_by_its_new_name_only(client: httpx.AsyncClient) -> None:
    """The key follows the name; the old name is free again, and a change of case is not a duplicate."""
    plant = await create(client, "Rose")
    path = f"/plants/{plant['id']}"
    assert (await client.patch(path, json={"name": "ROSE"})).status_code == 200
    assert (await client.patch(path, json={"name": "Tulip"})).status_code == 200
    assert await found(client, q="rose") == []
    assert await found(client, q="tulip") == ["Tulip"]
    await create(client, "rose")


async def test_a_patch_cannot_take_the_name_of_another(client: httpx.AsyncClient) -> None:
    """And then nothing of it happened: the rest of the change is not kept either."""
    await create(client, "Rose")
    plant = await create(client, "Tulip", tags=["red"])
    change = {"name": "rose", "height_cm": 7, "tags": ["blue"]}
    answer = await client.patch(f"/plants/{plant['id']}", json=change)
    assert answer.status_code == 409
    assert (await client.get(f"/plants/{plant['id']}")).json() == plant


async def test_tags_are_replaced_as_a_whole(client: httpx.AsyncClient) -> None:
    """Kept, added and dropped in one request: the kept ones must not collide with themselves."""
    plant = await create(client, "Rose", tags=["a", "b", "c"])
    changed = (await client.patch(f"/plants/{plant['id']}", json={"tags": ["c", "d", "b"]})).json()
    assert changed["tags"] == ["b", "c", "d"]
    assert (await client.get(f"/plants/{plant['id']}")).json() == changed


async def test_a_deleted_plant_takes_its_tags_along(client: httpx.AsyncClient) -> None:
    """SQLite ignores foreign keys unless each connection turns them on."""
    plant = await create(client, "Rose", tags=["red"])
    path = f"/plants/{plant['id']}"
    answer = await client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.delete(path)).status_code == 404
    assert await found(client, tag="red") == []
    again = await create(client, "Rose")
    assert again["tags"] == []
    assert again["id"] != plant["id"]  # a client with the old address must not get another plant


async def test_times_are_in_utc_wherever_the_server_stands(client: httpx.AsyncClient) -> None:
    """A database that keeps local time, or drops the zone, is off by hours."""
    plant = await create(client, "Rose")
    created = datetime.fromisoformat((await client.get(f"/plants/{plant['id']}")).json()["created_at"])
    assert created.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)

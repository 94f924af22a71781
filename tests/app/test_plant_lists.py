"""The service's lists of plants, on every database: pages and searches."""

import httpx

from tests.app.plants import create, found


async def test_names_that_differ_in_an_accent_are_two(client: httpx.AsyncClient) -> None:
    """MySQL's default collations treat them as equal."""
    await create(client, "Rose", tags=["blute"])
    plant = await create(client, "Rosé", tags=["blute", "blüte"])
    assert plant["tags"] == ["blute", "blüte"]
    assert await found(client, q="rosé") == ["Rosé"]
    assert await found(client, tag="blüte") == ["Rosé"]


async def test_pages_cover_everything_once_in_a_stable_order(client: httpx.AsyncClient) -> None:
    """A page that overlaps the next one, or leaves a gap, loses plants without a trace."""
    names = [f"Plant {number}" for number in (5, 3, 1, 4, 2)]
    for name in names:
        await create(client, name)
    seen: list[str] = []
    for offset in (0, 2, 4):
        page = (await client.get("/plants", params={"limit": 2, "offset": offset})).json()
        assert (page["total"], page["limit"], page["offset"]) == (5, 2, offset)
        seen += [plant["name"] for plant in page["items"]]
    assert seen == names


async def test_a_page_past_the_end_is_empty_and_knows_the_total(client: httpx.AsyncClient) -> None:
    """A client that pages while plants are deleted reaches it, and that is not an error."""
    await create(client, "Rose")
    page = (await client.get("/plants", params={"offset": 1_000_000})).json()
    assert page == {"items": [], "total": 1, "limit": 20, "offset": 1_000_000}


async def test_a_search_takes_its_words_literally(client: httpx.AsyncClient) -> None:
    """A wildcard in a search would find everything, and an escape character could break it."""
    expected = {
        "%": ["100% blue"],
        "_": ["snake_plant"],
        "\\": ["back\\slash"],
        "/": ["half/half"],
        "\\%": [],
        "/%": [],
        "'": ["bird's nest"],
        '"': [],
        "E": ["100% blue", "snake_plant", "bird's nest"],
        "S   NEST": ["bird's nest"],
    }
    for name in ("100% blue", "snake_plant", "back\\slash", "half/half", "bird's nest"):
        await create(client, name)
    assert {query: await found(client, q=query) for query in expected} == expected


async def test_a_search_counts_what_it_finds_not_what_there_is(client: httpx.AsyncClient) -> None:
    """Two conditions mean both, and the total is theirs."""
    await create(client, "Blue pansy", tags=["blue", "spring"])
    await create(client, "Blue iris", tags=["blue"])
    await create(client, "Red pansy", tags=["spring"])
    assert await found(client, q="pansy", tag=" Spring ") == ["Blue pansy", "Red pansy"]
    assert await found(client, q="pansy", tag="blue") == ["Blue pansy"]
    page = (await client.get("/plants", params={"tag": "blue", "limit": 1})).json()
    assert (len(page["items"]), page["total"]) == (1, 2)

"""Plants of the service, made and found by its client."""

from typing import Any

import httpx

Plant = dict[str, Any]


async def create(client: httpx.AsyncClient, name: str, **fields: object) -> Plant:
    """Create a plant that must be accepted."""
    answer = await client.post("/plants", json={"name": name} | fields)
    assert answer.status_code == 201, answer.text
    plant: Plant = answer.json()
    return plant


async def found(client: httpx.AsyncClient, **query: str | int) -> list[str]:
    """Name the plants that a search finds."""
    answer = await client.get("/plants", params=query)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    assert page["total"] == len(page["items"])
    return [plant["name"] for plant in page["items"]]

"""The plants, over HTTP."""

from typing import Annotated, Any, cast

import structlog
from fastapi import APIRouter, HTTPException, Path, Query, Response, status
from sqlalchemy import ColumnElement, CursorResult, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from app import names
from app.database import Session
from app.models import Plant, PlantTag, utc_now
from app.schemas import NewPlant, PlantChange, PlantPage, PlantQuery, Problem
from app.schemas import Plant as PlantOut

router = APIRouter(prefix="/plants", tags=["plants"])
log = structlog.get_logger("app.plants")  # a name and fields, not a sentence: log queries can count them

PlantId = Annotated[int, Path(ge=1, le=2**31 - 1, description="The number it got when it was created")]
Responses = dict[int | str, dict[str, Any]]
MISSING: Responses = {404: {"model": Problem, "description": "No plant has this number"}}
TAKEN: Responses = {409: {"model": Problem, "description": "Another plant has this name"}}


@router.post("", status_code=status.HTTP_201_CREATED, response_model=PlantOut, responses=TAKEN)
async def create_plant(new: NewPlant, session: Session, response: Response) -> Plant:
    """Create a plant; the response's Location is its address."""
    moment = utc_now()
    plant = Plant(created_at=moment, updated_at=moment, **new.model_dump())
    session.add(plant)
    await _commit(session, plant.name)
    response.headers["Location"] = router.url_path_for("get_plant", plant_id=plant.id)
    log.info("plant_created", plant_id=plant.id)
    return plant


@router.get("", response_model=PlantPage)
async def list_plants(query: Annotated[PlantQuery, Query()], session: Session) -> dict[str, Any]:
    """List plants page by page, or search them by name and tag."""
    wanted = _wanted(query)
    total = await session.scalar(select(func.count()).select_from(Plant).where(*wanted))
    page = select(Plant).where(*wanted).order_by(Plant.id).limit(query.limit).offset(query.offset)
    plants = (await session.scalars(page)).all()
    return {"items": plants, "total": total, "limit": query.limit, "offset": query.offset}


@router.get("/{plant_id}", response_model=PlantOut, responses=MISSING)
async def get_plant(plant_id: PlantId, session: Session) -> Plant:
    """Get one plant."""
    return await _find(session, plant_id)


@router.patch("/{plant_id}", response_model=PlantOut, responses=MISSING | TAKEN)
async def change_plant(plant_id: PlantId, change: PlantChange, session: Session) -> Plant:
    """Change the fields that are sent, and no others."""
    changes = change.model_dump(exclude_unset=True)
    if not changes:
        return await _find(session, plant_id)
    # Write before reading: from here on no other session changes this plant, on any database.
    await session.execute(update(Plant).where(Plant.id == plant_id).values(updated_at=utc_now()))
    plant = await _find(session, plant_id)
    for field, value in changes.items():
        setattr(plant, field, value)
    await _commit(session, plant.name)
    return plant


@router.delete("/{plant_id}", status_code=status.HTTP_204_NO_CONTENT, responses=MISSING)
async def delete_plant(plant_id: PlantId, session: Session) -> None:
    """Delete a plant and its tags."""
    result = await session.execute(delete(Plant).where(Plant.id == plant_id))
    if not cast("CursorResult[Any]", result).rowcount:
        raise _missing(plant_id)
    await session.commit()
    log.info("plant_deleted", plant_id=plant_id)


def _wanted(query: PlantQuery) -> list[ColumnElement[bool]]:
    """Return the conditions of a search; wildcards in it are letters like any other."""
    wanted: list[ColumnElement[bool]] = []
    if query.q is not None:
        wanted.append(Plant.name_key.contains(names.key(query.q), autoescape=True))
    if query.tag is not None:
        wanted.append(Plant.tag_rows.any(PlantTag.tag == query.tag))
    return wanted


async def _find(session: Session, plant_id: int) -> Plant:
    plant = await session.get(Plant, plant_id)
    if plant is None:
        raise _missing(plant_id)
    return plant


def _missing(plant_id: int) -> HTTPException:
    return HTTPException(status.HTTP_404_NOT_FOUND, f"There is no plant {plant_id}.")


async def _commit(session: Session, name: str) -> None:
    """Commit; the only rule that the database alone can judge is that names are unique."""
    try:
        await session.commit()
    except IntegrityError:
        raise HTTPException(status.HTTP_409_CONFLICT, f"There is a plant named {name!r} already.") from None

"""The schemas of requests and responses: the service accepts only what they define."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app import names


def _at_most(length: int, text: str) -> str:
    if len(text) > length:
        raise ValueError(f"must have at most {length} characters")
    return text


def _tidy_name(name: str) -> str:
    return _at_most(names.NAME_LENGTH, names.tidy(name))  # composing can lengthen, in a few scripts


def _tidy_tag(tag: str) -> str:
    return _at_most(names.TAG_LENGTH, names.key(tag))


def _once_each(tags: list[str]) -> list[str]:
    return sorted(set(tags))


def _text_or_nothing(text: str | None) -> str | None:
    return names.storable(text or "") or None


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=names.NAME_LENGTH),
    AfterValidator(_tidy_name),
    Field(description="Unique, whatever the case", examples=["Blue pansy"]),
]
Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=names.TAG_LENGTH),
    AfterValidator(_tidy_tag),
]
Tags = Annotated[
    list[Tag],
    Field(max_length=20, description="Words about the plant, in lower case", examples=[["blue", "spring"]]),
    AfterValidator(_once_each),
]
Description = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] | None,
    AfterValidator(_text_or_nothing),
    Field(description="A few sentences; blank is the same as none", examples=["Flowers from April on."]),
]
Height = Annotated[
    Annotated[int, Field(strict=True, ge=1, le=12_000)] | None,
    Field(description="In centimetres", examples=[20]),
]


class _Strict(BaseModel):
    """Refuses fields that it does not know: a typo must not pass in silence."""

    model_config = ConfigDict(extra="forbid")


class NewPlant(_Strict):
    """A plant to create."""

    name: Name
    description: Description = None
    height_cm: Height = None
    tags: Tags = Field(default_factory=list)


class PlantChange(_Strict):
    """What to change: a field that is left out stays as it is, ``null`` empties it where that is possible.

    Defaults are never read, for only the fields that were sent count.
    """

    name: Name = Field(default_factory=str)
    description: Description = None
    height_cm: Height = None
    tags: Tags = Field(default_factory=list)


class PlantQuery(_Strict):
    """Which plants, and which part of the answer."""

    q: Annotated[Name | None, Field(description="Part of the name, whatever the case")] = None
    tag: Annotated[Tag | None, Field(description="Only plants with this tag")] = None
    limit: Annotated[int, Field(ge=1, le=100, description="At most so many")] = 20
    offset: Annotated[int, Field(ge=0, le=1_000_000, description="Leave out so many first")] = 0


class Plant(BaseModel):
    """A plant as it is kept."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    description: str | None
    height_cm: int | None
    tags: list[str]
    created_at: datetime
    updated_at: datetime


class PlantPage(BaseModel):
    """A part of an answer, oldest plants first, and how many there are in all."""

    items: list[Plant]
    total: int
    limit: int
    offset: int


class Problem(BaseModel):
    """Why not."""

    detail: str

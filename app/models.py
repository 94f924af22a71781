"""The stored data: plants and their tags."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, MetaData, String
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, validates
from sqlalchemy.types import TypeDecorator, TypeEngine

from app import names

MYSQL = ("mysql", "mariadb")
TABLE_OPTIONS = {
    f"{name}_{option}": value for name in MYSQL for option, value in {"engine": "InnoDB", "charset": "utf8mb4"}.items()
}
NUMBERS = {"sqlite_autoincrement": True}  # the number of a deleted plant is not given to another


def utc_now() -> datetime:
    """Return this moment, in UTC."""
    return datetime.now(UTC)


def exact(length: int) -> TypeEngine[str]:
    """Return text that is compared byte by byte; only MySQL has to be asked for it."""
    return String(length).with_variant(mysql.VARCHAR(length, collation="utf8mb4_bin"), *MYSQL)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond, also where the database knows no time zones."""

    impl = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), *MYSQL)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; refuse a time without a time zone, because it is ambiguous."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature is SQLAlchemy's
        """Say again that it is UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables; every constraint has a name, so that a later revision can drop it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Plant(Base):
    """A plant; its name is unique, and upper and lower case do not count."""

    __tablename__ = "plants"
    __table_args__ = (Index("uq_plants_name_key", "name_key", unique=True), TABLE_OPTIONS | NUMBERS)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(names.NAME_LENGTH))
    name_key: Mapped[str] = mapped_column(exact(names.KEY_LENGTH))
    description: Mapped[str | None] = mapped_column(String(2000))
    height_cm: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)

    tag_rows: Mapped[list["PlantTag"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="selectin"
    )

    @validates("name")
    def _derive_key(self, _attribute: str, name: str) -> str:
        self.name_key = names.key(name)
        return name

    @property
    def tags(self) -> list[str]:
        """The tags in alphabetical order, the same on every database."""
        return sorted(row.tag for row in self.tag_rows)

    @tags.setter
    def tags(self, tags: list[str]) -> None:
        kept = {row.tag: row for row in self.tag_rows}
        self.tag_rows = [kept.get(tag) or PlantTag(tag=tag) for tag in tags]


class PlantTag(Base):
    """One word about one plant; it goes with its plant."""

    __tablename__ = "plant_tags"
    __table_args__ = (TABLE_OPTIONS,)

    plant_id: Mapped[int] = mapped_column(ForeignKey("plants.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(exact(names.TAG_LENGTH), primary_key=True, index=True)

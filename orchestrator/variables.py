"""Environment variables as fields of a model, each defined once; and what is wrong with their values, in our own words.

A fault names the variable, says what is wrong and which form is expected, and gives an example. It repeats no value
that may hold a password.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from orchestrator.sentences import Ours, Words

LONGEST_SHOWN = 60  # characters of a value that is repeated
MAX_LENGTH = 4096  # characters; more is a mistake, unless the variable holds a whole secret


class Fault(NamedTuple):
    """One thing that is wrong with one variable."""

    variable: str
    problem: str
    example: str

    def as_dict(self) -> dict[str, str]:
        """For the event: a variable's name and our example hold nothing foreign."""
        return {"variable": Ours(self.variable), "problem": self.problem, "example": Ours(self.example)}


class Details(NamedTuple):
    """What a field has beside its type.

    Attributes:
        form: how a valid value looks, where the type does not say it.
        any_character: white space around it and control characters belong to it.
        may_be_empty: an empty value means something.
        max_length: in characters.
    """

    form: str = ""
    any_character: bool = False
    may_be_empty: bool = False
    max_length: int = MAX_LENGTH


def variable(  # noqa: PLR0913  # the parts of one definition
    name: str,
    default: Any,
    text: str,
    example: str,
    *,
    form: str = "",
    any_character: bool = False,
    may_be_empty: bool = False,
    max_length: int = MAX_LENGTH,
    **constraints: Any,
) -> Any:
    """A field: its environment variable, its default, one line of help, an example; see `Details` for the rest."""
    details = Details(form, any_character, may_be_empty, max_length)
    more: dict[str, Any] = {"details": details}
    return Field(default, alias=name, description=text, examples=[example], json_schema_extra=more, **constraints)


def _whole_number(value: object) -> object:
    """Text of ASCII digits only: `3_306`, `3306.0` and the digits of other scripts are mistakes."""
    if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9]{1,20}", value):
        raise PydanticCustomError("whole_number", "not a whole number")
    return value


def _true_or_false(value: object) -> object:
    """`1` and `yes` are no better than a mistake where it matters which one was meant."""
    if isinstance(value, str) and value not in {"true", "false"}:
        raise PydanticCustomError("flag", "neither true nor false")
    return value


Flag = Annotated[bool, BeforeValidator(_true_or_false)]
WholeNumber = Annotated[int, BeforeValidator(_whole_number)]


class Variables(BaseModel):
    """A model whose fields are environment variables."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=False)
    shows_values: ClassVar[bool] = True
    """Whether a fault may repeat a value; not where any of them may be, or hold, a password."""

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Every variable's name and its field's name."""
        return {str(info.alias): name for name, info in cls.model_fields.items()}

    @classmethod
    def example(cls, name: str) -> str:
        """The example of the variable `name`."""
        return str((cls.model_fields[cls.variables()[name]].examples or [""])[0])

    @classmethod
    def fault(cls, name: str, problem: str) -> Fault:
        """A fault of the variable `name`, with its example; a `problem` that repeats a value is given as `Words`."""
        return Fault(name, problem if isinstance(problem, Words) else Ours(problem), cls.example(name))

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> tuple[Self, list[Fault]]:
        """The settings, with the default in place of each value that is wrong; and every fault."""
        given = {name: environ[name] for name in cls.variables() if name in environ}
        faults = [fault for name, value in given.items() if (fault := cls._malformed(name, value))]
        bad = {fault.variable for fault in faults}
        good = {name: value for name, value in given.items() if name not in bad}
        try:
            return cls.model_validate(good), faults
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=True, include_input=False)
            faults += [cls._invalid(name := str(each["loc"][0]), each, environ[name]) for each in found]
        bad = {fault.variable for fault in faults}
        return cls.model_validate({name: value for name, value in good.items() if name not in bad}), faults

    @classmethod
    def _details(cls, name: str) -> Details:
        details: Details = cls.model_fields[cls.variables()[name]].json_schema_extra["details"]  # type: ignore[assignment,index]
        return details

    @classmethod
    def _malformed(cls, name: str, value: str) -> Fault | None:
        """What is wrong whatever the variable means: empty, far too long, or a line end copied along with it."""
        details = cls._details(name)
        if value == "":
            return None if details.may_be_empty else cls.fault(name, "it is empty: give it a value or remove it")
        if len(value) > details.max_length:
            return cls.fault(name, f"it is {len(value)} characters long; {details.max_length} are the limit")
        if not details.any_character and (value != value.strip() or not value.isprintable()):
            problem = "it has white space around it, or holds a character that cannot be printed, such as a line end"
            return cls.fault(name, _with_value(f"{problem}; it is", value) if cls.shows_values else problem)
        return None

    @classmethod
    def _invalid(cls, name: str, error: Any, value: str) -> Fault:
        """A fault in our own sentence: that of a validator of ours, the field's form, or what its type expects."""
        info, details = cls.model_fields[cls.variables()[name]], cls._details(name)
        ours = error["type"] == "value_error"
        problem = str(error["ctx"]["error"]) if ours else details.form or expected_form(info)
        return cls.fault(name, _with_value(f"{problem}; it is", value) if cls.shows_values else problem)


def _with_value(problem: str, value: str) -> Words:
    """Our sentence, which ends with the value; it may be a password that was set in the wrong place."""
    return Words("{problem} {value}", problem=Ours(problem), value=shown(value))


def shown(value: str) -> str:
    """A value in one short line; one that looks like a URL may hold a password, and is not repeated."""
    if "://" in value or "@" in value:
        return "a value that is not shown, as it may hold a password"
    if len(value) > LONGEST_SHOWN:
        return f"a value of {len(value)} characters"  # half of a secret is not recognised as one
    return repr(value)


def expected_form(info: FieldInfo) -> str:
    """A sentence about the valid values, made of the field's type and limits."""
    kind = _plain_type(info.annotation)
    if kind is bool:
        return "it must be `true` or `false`"
    if get_origin(kind) is Literal:
        *others, last = (f"`{each}`" for each in get_args(kind))
        return f"it must be {', '.join(others)} or {last}" if others else f"it must be {last}"
    return _number_form(info) if kind in {int, float} else "it does not have the right form"


def _number_form(info: FieldInfo) -> str:
    found = [*info.metadata, *_limits_within(info.annotation)]
    limits = {name: getattr(each, name) for each in found for name in ("ge", "gt", "le") if hasattr(each, name)}
    what = "a whole number" if _plain_type(info.annotation) is int else "a number of seconds"
    if "gt" in limits:
        return f"it must be {what} above {limits['gt']:g}, at most {limits['le']:g}"
    return f"it must be {what} from {limits['ge']:g} to {limits['le']:g}"


def _limits_within(annotation: Any) -> list[Any]:
    """The constraints in an annotation such as `PositiveSeconds | None`."""
    if get_origin(annotation) is Annotated:
        return [limit for each in get_args(annotation)[1:] for limit in getattr(each, "metadata", [])]
    return [limit for each in get_args(annotation) for limit in _limits_within(each)]


def _plain_type(annotation: Any) -> Any:
    """The type without `Annotated`, and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _plain_type(get_args(annotation)[0])
    options = [each for each in get_args(annotation) if each is not type(None)]
    return _plain_type(options[0]) if type(None) in get_args(annotation) and len(options) == 1 else annotation

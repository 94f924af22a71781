"""Environment variables as fields of a model, each defined once, with our own messages for wrong values.

A fault names the variable, describes the problem and the expected form, and gives an example. It never repeats a value
that may contain a password.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from orchestrator.sentences import Ours, Words

LONGEST_SHOWN = 60  # characters of a value that a message repeats
MAX_LENGTH = 4096  # characters; a longer value is a mistake, unless the variable holds a whole secret


class Fault(NamedTuple):
    """One problem with one variable."""

    variable: str
    problem: str
    example: str

    def as_dict(self) -> dict[str, str]:
        """Return the fault as an event's data. The variable's name and our example contain no foreign text."""
        return {"variable": Ours(self.variable), "problem": self.problem, "example": Ours(self.example)}


class Details(NamedTuple):
    """What a field has in addition to its type.

    Attributes:
        form: the form of a valid value, if the type does not give it.
        any_character: surrounding white space and control characters are part of the value.
        may_be_empty: an empty value has a meaning.
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
    """Return a field: environment variable, default, one line of help, example; see `Details` for the rest."""
    details = Details(form, any_character, may_be_empty, max_length)
    more: dict[str, Any] = {"details": details}
    return Field(default, alias=name, description=text, examples=[example], json_schema_extra=more, **constraints)


def _whole_number(value: object) -> object:
    """Accept ASCII digits only: `3_306`, `3306.0` and digits of other scripts are mistakes."""
    if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9]{1,20}", value):
        raise PydanticCustomError("whole_number", "not a whole number")
    return value


def _true_or_false(value: object) -> object:
    """Accept `true` and `false` only: with `1` or `yes`, the intended value is a guess."""
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
        """Return the field's name for each variable."""
        return {str(info.alias): name for name, info in cls.model_fields.items()}

    @classmethod
    def example(cls, name: str) -> str:
        """Return the example of the variable `name`."""
        return str((cls.model_fields[cls.variables()[name]].examples or [""])[0])

    @classmethod
    def fault(cls, name: str, problem: str) -> Fault:
        """Return a fault of the variable `name`, with its example; pass a `problem` that repeats a value as `Words`."""
        return Fault(name, problem if isinstance(problem, Words) else Ours(problem), cls.example(name))

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> tuple[Self, list[Fault]]:
        """Return the settings, with the default for each wrong value, and all faults."""
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
        """Return what is wrong with any variable: an empty value, a far too long one, a copied line end."""
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
        """Return a fault with the validator's own message, the field's form, or the form of its type."""
        info, details = cls.model_fields[cls.variables()[name]], cls._details(name)
        ours = error["type"] == "value_error"
        problem = str(error["ctx"]["error"]) if ours else details.form or expected_form(info)
        return cls.fault(name, _with_value(f"{problem}; it is", value) if cls.shows_values else problem)


def _with_value(problem: str, value: str) -> Words:
    """Append the value to our sentence; it may be a password that was put into the wrong variable."""
    return Words("{problem} {value}", problem=Ours(problem), value=shown(value))


def shown(value: str) -> str:
    """Return a value in one short line. A value that looks like a URL may contain a password, and is not repeated."""
    if "://" in value or "@" in value:
        return "a value that is not shown, as it may hold a password"
    if len(value) > LONGEST_SHOWN:
        return f"a value of {len(value)} characters"  # the redactor would not recognise half a secret
    return repr(value)


def expected_form(info: FieldInfo) -> str:
    """Return a sentence about the valid values, derived from the field's type and limits."""
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
    """Return the constraints in an annotation such as `PositiveSeconds | None`."""
    if get_origin(annotation) is Annotated:
        return [limit for each in get_args(annotation)[1:] for limit in getattr(each, "metadata", [])]
    return [limit for each in get_args(annotation) for limit in _limits_within(each)]


def _plain_type(annotation: Any) -> Any:
    """Return the type without `Annotated` and `| None`."""
    if get_origin(annotation) is Annotated:
        return _plain_type(get_args(annotation)[0])
    options = [each for each in get_args(annotation) if each is not type(None)]
    return _plain_type(options[0]) if type(None) in get_args(annotation) and len(options) == 1 else annotation

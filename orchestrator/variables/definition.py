"""Environment variables as attributes of a class, each defined once, with our own messages for wrong values.

A fault names the variable, describes the problem and the expected form, and gives an example. It never repeats a value
that may contain a password.

The standard library is enough for this. A validation library would have to fit the version that the app pins, and
building its models took longer than any other import of ours.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, NamedTuple, Self

from orchestrator.sentences import Ours, Words
from orchestrator.variables.parsers import as_it_is
from orchestrator.variables.service_links import is_service_link

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


class Variable(NamedTuple):
    """The definition of a variable.

    Attributes:
        name: The environment variable.
        default: Its value if the variable is not set.
        help: One line.
        example: A valid text.
        parse: Returns the value of a text; raises ValueError with a sentence about the valid texts.
        any_character: Surrounding white space and control characters are part of the value.
        may_be_empty: An empty text has a meaning.
        max_length: In characters.
    """

    name: str
    default: Any
    help: str
    example: str
    parse: Callable[[str], Any]
    any_character: bool
    may_be_empty: bool
    max_length: int

    def fault(self, problem: str) -> Fault:
        """Return a fault of this variable; pass a `problem` that repeats a value as `Words`."""
        return Fault(self.name, problem if isinstance(problem, Words) else Ours(problem), self.example)

    def malformed(self, text: str) -> str:
        """Return what is wrong with any variable: an empty text, a far too long one, a copied line end."""
        if text == "":
            return "" if self.may_be_empty else "it is empty: give it a value or remove it"
        if len(text) > self.max_length:
            return f"it is {len(text)} characters long; {self.max_length} are the limit"
        return "" if self.any_character or (text == text.strip() and text.isprintable()) else _BLANKS


_BLANKS = "it has white space around it, or holds a character that cannot be printed, such as a line end"


def variable(  # noqa: PLR0913  # the parts of one definition
    name: str,
    default: Any,
    text: str,
    example: str,
    parse: Callable[[str], Any] = as_it_is,
    *,
    any_character: bool = False,
    may_be_empty: bool = False,
    max_length: int = MAX_LENGTH,
) -> Any:
    """Return an attribute of `Variables`: environment variable, default, one line of help, example, parser."""
    return Variable(name, default, text, example, parse, any_character, may_be_empty, max_length)


class Variables:
    """A class whose attributes are environment variables. Its objects do not change.

    Attributes:
        fields: The definitions, by attribute.
        fields_set: The attributes whose variables were set.
        shows_values: Whether a fault may repeat a value; false if any of the values may contain a password.
    """

    fields: ClassVar[Mapping[str, Variable]]
    _attributes: ClassVar[Mapping[str, str]]
    shows_values: ClassVar[bool] = True
    fields_set: frozenset[str]

    def __init_subclass__(cls) -> None:
        inherited = {name: each for base in cls.__bases__ for name, each in getattr(base, "fields", {}).items()}
        cls.fields = inherited | {name: value for name, value in vars(cls).items() if isinstance(value, Variable)}
        cls._attributes = {each.name: attribute for attribute, each in cls.fields.items()}

    def __init__(self, **values: Any) -> None:
        """Set the given attributes; every other attribute gets its default.

        Raises:
            TypeError: An attribute does not exist.
        """
        if unknown := sorted(values.keys() - self.fields.keys()):
            raise TypeError(f"{type(self).__name__} has no {', '.join(unknown)}")
        defaults = {name: each.default for name, each in self.fields.items()}
        vars(self).update(defaults | values, fields_set=frozenset(values))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} of {type(self).__name__} does not change")

    def without(self, names: Collection[str]) -> Self:
        """Return a copy in which these attributes have their defaults."""
        return type(self)(**{name: getattr(self, name) for name in self.fields_set if name not in names})

    @classmethod
    def variables(cls) -> Mapping[str, str]:
        """Return the attribute of each variable."""
        return cls._attributes

    @classmethod
    def fault(cls, name: str, problem: str) -> Fault:
        """Return a fault of the variable `name`; see `Variable.fault`."""
        return cls.fields[cls.variables()[name]].fault(problem)

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> tuple[Self, list[Fault]]:
        """Return the settings, with the default for each wrong value, and all faults."""
        values, faults = {}, []
        for attribute, each in cls.fields.items():
            if (text := environ.get(each.name)) is None or is_service_link(each.name, text):
                continue
            try:
                if problem := each.malformed(text):
                    faults.append(each.fault(cls._told(problem, text) if problem is _BLANKS else problem))
                else:
                    values[attribute] = each.parse(text)
            except ValueError as error:
                faults.append(each.fault(cls._told(str(error), text)))
        return cls(**values), faults

    @classmethod
    def _told(cls, problem: str, text: str) -> str:
        """Append the value to our sentence; it may be a password that was put into the wrong variable."""
        if not cls.shows_values:
            return problem
        return Words("{problem}; it is {value}", problem=Ours(problem), value=shown(text))


def shown(value: str) -> str:
    """Return a value in one short line. A value that looks like a URL may contain a password, and is not repeated."""
    if "://" in value or "@" in value:
        return "a value that is not shown, as it may hold a password"
    if len(value) > LONGEST_SHOWN:
        return f"a value of {len(value)} characters"  # the redactor would not recognise half a secret
    return repr(value)

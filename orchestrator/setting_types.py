"""The types of the settings. Each checks a value; its message names the expected form."""

import ipaddress
import re
import shlex
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from orchestrator.service_address import parse as service_addresses


def _existing_file(path: Path) -> Path:
    try:
        found = path.is_file()
    except OSError:  # the name is too long, or a parent directory is not readable
        found = False
    if not found:
        raise ValueError("there is no such file")
    return path


def _host(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?", host):
            raise ValueError("it is neither an IP address nor a host name") from None
    return host


def _target(target: str) -> str:
    if target == "base":
        raise ValueError("it must name a revision to upgrade to")
    return target


def _none_if_empty(value: object) -> object:
    return value or None


def _arguments(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError:
        raise ValueError("a quotation mark in it has no partner") from None
    return text


def _services(text: str) -> str:
    service_addresses(text)
    return text


def lower(value: object) -> object:
    """Return text in lower case, and any other value unchanged for the type to reject."""
    return value.lower() if isinstance(value, str) else value


Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Label = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
ProbePath = Annotated[str, Field(max_length=128, pattern=r"^(/[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?$")]
PATH_FORM = "it must be a path such as `/livez`, of at most 128 characters, without `?`, `#`, `%` and spaces"
LABEL_FORM = "it must be at most 128 printable characters"
ConfigFile = Annotated[Path, AfterValidator(_existing_file)]
OptionalConfigFile = Annotated[ConfigFile | None, BeforeValidator(_none_if_empty)]
OptionalPositiveSeconds = Annotated[PositiveSeconds | None, BeforeValidator(_none_if_empty)]
Arguments = Annotated[str, AfterValidator(_arguments)]
Host = Annotated[str, AfterValidator(_host)]
Services = Annotated[str, AfterValidator(_services)]
Target = Annotated[str, AfterValidator(_target)]

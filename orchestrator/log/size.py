"""Limits a line to 16,000 bytes: the longest fields are cut, and named in `truncated`.

Docker and FireLens cut or split lines above 16 KiB (moby 41794, fluent-bit 3273), and half a JSON object matches no
filter.
"""

from typing import Any

import orjson

from orchestrator.log import emf
from orchestrator.log.context import TASK
from orchestrator.log.values import CUT, is_cut, safe_repr

LIMIT_BYTES = 16_000

# Filters need these on every line; the message may be cut, but stays.
_KEPT = {"timestamp", "level", "event", "state", "outcome", "service", "version", "schema", "boot_id"} | {
    *("elapsed_seconds", "truncated", *TASK)
}
_CUT_LAST = {"message", "logger"}
_CUT_LAST_BYTES = 3_000  # of these are cut last
_CUT = CUT.encode()
_LEAST = 100  # characters of a text: less is of no use
_ROUNDS = 100  # two or three are usual, as characters and bytes differ
_NAMES, _NAME = 10, 60  # limits of `truncated`: number of names, and characters of each


def fit(fields: dict[str, Any], *, whole: bool) -> bytes:
    """Return the line of these fields, cut to fit; with `whole`, each field stays and keeps its type.

    Raises:
        ValueError: the fields that are never cut are too long.
    """
    line = dumps(fields)
    if _CUT in line:
        for name in [name for name, value in fields.items() if is_cut(value)]:
            name_cut(fields, name)
        line = dumps(fields)
    for _ in range(_ROUNDS):
        if len(line) <= LIMIT_BYTES:
            return line
        _cut(fields, _KEPT | emf.members(fields), excess=len(line) - LIMIT_BYTES, whole=whole)
        line = dumps(fields)
    raise ValueError("what may not be cut is too long")


def name_cut(fields: dict[str, Any], name: str) -> None:
    """Add the field to `truncated`."""
    names: list[str] = fields.setdefault("truncated", [])
    if name[:_NAME] not in names and len(names) < _NAMES:
        names.append(name[:_NAME])


def _cut(fields: dict[str, Any], kept: set[str], *, excess: int, whole: bool) -> None:
    """Shorten the longest fields by about `excess` bytes."""
    sizes = {name: _size(fields, name) for name in fields if name not in kept}
    for name in sorted(sizes, key=lambda name: _CUT_LAST_BYTES * (name in _CUT_LAST) - sizes[name]):
        if excess <= 0:
            break
        name_cut(fields, name)
        if not (whole or isinstance(fields[name], str)):
            fields[name] = dumps(fields[name]).decode()  # a foreign list or mapping becomes the beginning of its JSON
        share = max(0, sizes[name] - excess - 200) / _size(fields, name)
        if whole or name in _CUT_LAST or len(fields[name]) * share >= _LEAST:
            fields[name] = _shortened(fields[name], share, keep_end=name == "exception")
        else:
            del fields[name]
        excess -= sizes[name] - _size(fields, name)


def _size(fields: dict[str, Any], name: str) -> int:
    return len(dumps({name: fields[name]})) if name in fields else 0


def _shortened(value: Any, share: float, *, keep_end: bool) -> Any:
    """Return this share of a text or a list; of an exception, the end, which names its type."""
    if isinstance(value, list):
        return value[: int(len(value) * share)]
    keep = max(int(len(value) * share), _LEAST) if isinstance(value, str) else 0
    if not isinstance(value, str) or keep >= len(value):
        return value
    if keep_end:
        return f"{value[: keep // 3]}\n{CUT}\n{value[keep // 3 - keep :]}"
    return value[:keep] + CUT


def dumps(value: Any) -> bytes:
    """Return JSON for strict parsers: UTF-8, and no number that a double cannot represent."""
    try:
        return orjson.dumps(value, default=safe_repr, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, integers above 64 bits
        return orjson.dumps(_plain(value), default=safe_repr)


def _plain(value: Any) -> Any:
    """Return the value without what orjson refuses."""
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, int) and value.bit_length() > 63:  # noqa: PLR2004  # what orjson takes
        return float(value) if value.bit_length() < 1024 else safe_repr(value)  # noqa: PLR2004  # a double's most
    return value

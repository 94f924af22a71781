"""How the service says no to what it could not read."""

import json

from fastapi import Request, Response, status
from fastapi.exceptions import RequestValidationError

_TOLD = ("type", "loc", "msg")


async def refuse(_request: Request, error: RequestValidationError) -> Response:
    """Answer 422 and say what is wrong where, but not give back what was sent.

    FastAPI's own answer does, and fails when that cannot be written as JSON: NaN, half a surrogate pair.
    """
    detail = [{key: fault[key] for key in _TOLD} for fault in error.errors()]
    return Response(
        json.dumps({"detail": detail}),  # ASCII: a field's name may be half a surrogate pair, too
        status_code=status.HTTP_422_UNPROCESSABLE_CONTENT,
        media_type="application/json",
    )

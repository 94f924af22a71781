"""The response to a request that could not be read."""

import json

from fastapi import Request, Response, status
from fastapi.exceptions import RequestValidationError

_TOLD = ("type", "loc", "msg")


async def refuse(_request: Request, error: RequestValidationError) -> Response:
    """Answer 422 with the place and the reason of each error, but without the input.

    FastAPI's own answer repeats the input, and fails if that is not valid JSON: NaN, half a surrogate pair.
    """
    detail = [{key: fault[key] for key in _TOLD} for fault in error.errors()]
    return Response(
        json.dumps({"detail": detail}),  # ASCII: a field's name may be half a surrogate pair, too
        status_code=status.HTTP_422_UNPROCESSABLE_CONTENT,
        media_type="application/json",
    )

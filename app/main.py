"""The BluePansy API: serve it as ``app.main:app``.

The paths ``/livez``, ``/readyz`` and ``/startupz`` belong to the program that starts the service.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline
from sqlalchemy.ext.asyncio import async_sessionmaker

from app import plants
from app.database import create_engine
from app.problems import refuse
from app.settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Hold the engine while the service runs; the environment is read here, not at import."""
    engine = create_engine(Settings.from_environment())
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    try:
        yield
    finally:
        await engine.dispose()


def _operation_id(route: APIRoute) -> str:
    """Name an operation after its function: generated clients then read like the code."""
    return route.name


app = FastAPIOffline(
    redoc_url=None,
    title="BluePansy API",
    version="1.0.0",
    summary="Plants: create, list, search, change and delete them.",
    openapi_tags=[{"name": "plants", "description": "Each with a name of its own, and tags to find it by."}],
    lifespan=lifespan,
    generate_unique_id_function=_operation_id,
)
app.include_router(plants.router)
app.exception_handler(RequestValidationError)(refuse)


@app.get("/", include_in_schema=False)
async def show_documentation() -> RedirectResponse:
    """Redirect a browser to the interactive documentation."""
    return RedirectResponse("docs")

"""The engine's HTTP and WebSocket interface."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from biofeedback.catalog import Catalog
from biofeedback.errors import NotFoundError, StoreError
from biofeedback.service.audition_renderer import AuditionRenderer
from biofeedback.service.auth import Keys
from biofeedback.service.error_log import REFUSALS, report_error
from biofeedback.service.live_feed import Broadcaster
from biofeedback.service.renderers import PreviewRenderer, ReportRenderer
from biofeedback.service.routes.clients import clients_router
from biofeedback.service.routes.pages import pages_router
from biofeedback.service.routes.palettes import palettes_router
from biofeedback.service.routes.protocols import protocols_router
from biofeedback.service.routes.sensors import sensors_router
from biofeedback.service.routes.session import session_router
from biofeedback.service.routes.sessions import sessions_router
from biofeedback.service.schemas import Problem
from biofeedback.service.session_host import SessionHost
from biofeedback.store.store import Store

REFUSED = (400, 401, 403, 404, 413, 422, 503)
"""How any request may be refused."""


def make_app(
    host: SessionHost,
    broadcaster: Broadcaster,
    store: Store,
    keys: Keys,
    *,
    previews: PreviewRenderer,
    auditions: AuditionRenderer,
    reports: ReportRenderer,
    version: str,
) -> FastAPI:
    """Return the application; `biofeedback.local_guard.LocalGuard` must stand before it."""
    app = FastAPI(
        title="Biofeedback engine",
        version=version,
        docs_url=None,
        redoc_url=None,
        responses={status: {"model": Problem} for status in REFUSED},
    )
    app.add_exception_handler(RequestValidationError, _not_understood)
    for refusal in REFUSALS:
        app.add_exception_handler(refusal, _refused)
    app.add_exception_handler(Exception, _failed)

    catalog = Catalog(store)
    for router in (
        session_router(host, broadcaster),
        clients_router(store),
        protocols_router(catalog, previews),
        palettes_router(auditions),
        sensors_router(catalog),
        sessions_router(store, reports),
        pages_router(host, keys),
    ):
        app.include_router(router)
    return app


async def _not_understood(_request: Request, error: Exception) -> JSONResponse:
    """Say in one line what was wrong with a request, without giving it back."""
    if not isinstance(error, RequestValidationError):
        raise error
    first: dict[str, Any] = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"detail": f"{place}: {first['msg']}"}, status_code=422)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    """Return in one line why a request was refused."""
    status = 404 if isinstance(error, NotFoundError) else 503 if isinstance(error, StoreError) else 422
    return JSONResponse({"detail": str(error)}, status_code=status)


async def _failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": report_error("a request failed", error)}, status_code=500)

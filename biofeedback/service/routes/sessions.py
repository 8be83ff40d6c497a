"""Endpoints of recorded sessions: find, read, annotate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import FileResponse

from biofeedback.commands import Short, StrictModel, Words
from biofeedback.errors import NotFoundError
from biofeedback.recording.storage import META_NAME, XDF_NAME
from biofeedback.service.renderers import REPORT_NAME, ReportRenderer
from biofeedback.service.schemas import FileView, SessionDetail
from biofeedback.store.records import Session, Severity
from biofeedback.store.store import Store

FILES = {
    XDF_NAME: "application/octet-stream",
    META_NAME: "application/json",
    "audio.flac": "audio/flac",
    "score.mid": "audio/midi",
    REPORT_NAME: "text/html",
}
"""Files of a session that can be fetched, with their media types."""

FileName = Literal["session.xdf", "session.json", "audio.flac", "score.mid", "report.html"]


class NoteRequest(StrictModel):
    """A note on a session; with a severity, an adverse event."""

    text: Words
    severity: Severity | None = None


class RatingRequest(StrictModel):
    """A client's rating of their state after the session; None where they declined."""

    scale: Short
    value: float | None


def sessions_router(store: Store, reports: ReportRenderer) -> APIRouter:
    """Return the endpoints."""
    router = APIRouter(prefix="/sessions", tags=["sessions"])
    router.include_router(_files_router(store, reports))

    def detail(session_id: str) -> SessionDetail:
        session = store.sessions.get(session_id)
        facts = store.sessions.facts(session.id)
        paths = [session.directory / name for name in FILES] if session.directory is not None else []
        return SessionDetail(
            entry=session,
            phases=facts.phases,
            ratings=facts.ratings,
            notes=facts.notes,
            adverse_events=facts.adverse_events,
            files=tuple(
                FileView(name=path.name, bytes=path.stat().st_size) for path in paths if path.is_file()
            ),
        )

    @router.get("")
    def sessions(
        search: Annotated[str, Query(max_length=200)] = "",
        client: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> tuple[Session, ...]:
        """Return sessions, the newest first: with these words, of this client."""
        return store.sessions.list(search, client or None, limit=limit, offset=offset)

    @router.get("/{session_id}")
    def session(session_id: str) -> SessionDetail:
        """Return a session, by its id or the name of its directory."""
        return detail(session_id)

    @router.post("/{session_id}/notes", status_code=201)
    def add_note(session_id: str, body: NoteRequest) -> SessionDetail:
        """Write a note on a session, afterwards."""
        if body.severity is None:
            store.sessions.add_note(session_id, body.text)
        else:
            store.sessions.add_adverse_event(session_id, body.text, body.severity)
        return detail(session_id)

    @router.post("/{session_id}/ratings", status_code=201)
    def add_rating(session_id: str, body: RatingRequest) -> SessionDetail:
        """Record a rating given after the end; the closed recording does not change."""
        store.sessions.add_rating(session_id, body.scale, body.value)
        return detail(session_id)

    return router


def _files_router(store: Store, reports: ReportRenderer) -> APIRouter:
    router = APIRouter()

    def directory_of(session_id: str) -> Path:
        session = store.sessions.get(session_id)
        if session.directory is None or not session.directory.is_dir():
            raise NotFoundError(f"session {session_id} has no files any more")
        return session.directory

    @router.get("/{session_id}/report", response_class=FileResponse)
    def report(session_id: str) -> FileResponse:
        """Return the report, written first where there is none yet."""
        return FileResponse(reports.render(directory_of(session_id)), media_type="text/html")

    @router.get("/{session_id}/files/{name}", response_class=FileResponse)
    def file(session_id: str, name: FileName) -> FileResponse:
        """Return a file of a session."""
        path = directory_of(session_id) / name
        if name == REPORT_NAME and path.is_file():
            path = reports.render(path.parent)
        if not path.is_file():
            raise HTTPException(404, f"this session has no {name}")
        return FileResponse(path, media_type=FILES[name], filename=name)

    return router

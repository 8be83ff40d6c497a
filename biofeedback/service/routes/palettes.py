"""Endpoints of palettes: their files, and auditions of palettes and nature sounds."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from biofeedback.commands import StrictModel
from biofeedback.palette_files import palette_files
from biofeedback.service.audition_renderer import AuditionRenderer
from biofeedback.service.schemas import Rendered


class AuditionRequest(StrictModel):
    """A palette, a palette file or a nature sound to listen to."""

    name: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]


def palettes_router(auditions: AuditionRenderer) -> APIRouter:
    """Return the endpoints."""
    router = APIRouter(prefix="/palettes", tags=["palettes"])

    @router.get("/files")
    def files() -> tuple[str, ...]:
        """Return the names of the palette files in the settings folder; preferences may name them."""
        return tuple(path.name for path in palette_files())

    @router.post("/audition.flac", response_class=Response, responses={200: {"content": {"audio/flac": {}}}})
    def listen(body: AuditionRequest) -> Response:
        """Return 20 s of a palette or of a nature sound alone, in place of an audition being made."""
        return Response(auditions.listen(body.name), media_type="audio/flac")

    @router.get("/audition.flac/progress")
    def progress() -> Rendered:
        """Return how much of an audition is made."""
        return Rendered(share=auditions.progress)

    @router.delete("/audition.flac", status_code=204)
    def cancel() -> None:
        """Give up an audition that is being made."""
        auditions.cancel()

    return router

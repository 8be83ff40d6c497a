"""Endpoints of protocols: list, read, check, save, plan and preview."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from biofeedback.catalog import Catalog, ProtocolListing
from biofeedback.commands import StrictModel
from biofeedback.service.live_state import arc_of
from biofeedback.service.renderers import PreviewRenderer
from biofeedback.service.requests import LONGEST_PROTOCOL
from biofeedback.service.schemas import ArcView, ProtocolEntry, ProtocolFault, ProtocolText, Rendered
from protocols.loading import faults_of, parse

Yaml = Annotated[str, Field(max_length=LONGEST_PROTOCOL, description="a protocol as YAML")]


class Text(StrictModel):
    """A protocol to check or save."""

    text: Yaml


class Shown(Text):
    """A protocol to draw or hear, for a listener of this heart rate."""

    hr_bpm: float = Field(default=72.0, ge=30.0, le=200.0)


def protocols_router(catalog: Catalog, previews: PreviewRenderer) -> APIRouter:
    """Return the endpoints."""
    router = APIRouter(prefix="/protocols", tags=["protocols"])

    @router.get("")
    def protocols() -> tuple[ProtocolEntry, ...]:
        """Return the built-in and saved protocols; of each name, first the version it stands for."""
        return tuple(_entry(listing) for listing in catalog.protocols())

    @router.get("/{name}")
    def protocol(name: str, version: int | None = None) -> ProtocolText:
        """Return a protocol's text, in the given version or the one that its name stands for."""
        listing = catalog.protocol_listing(name if version is None else f"{name}@{version}")
        return ProtocolText(name=name, version=listing.protocol.version, text=listing.text)

    @router.post("/check")
    def check(body: Text) -> tuple[ProtocolFault, ...]:
        """Return all that is wrong with a protocol, in the order of its lines; nothing if it can be used."""
        return tuple(ProtocolFault.model_validate(fault) for fault in faults_of(body.text))

    @router.post("", status_code=201)
    def save(body: Text) -> ProtocolEntry:
        """Save a protocol under its own id and version; a version that was used stays as it is."""
        return _entry(catalog.save_protocol(body.text))

    @router.post("/arc")
    def arc(body: Shown) -> ArcView:
        """Return what a protocol plans, to be drawn."""
        return arc_of(parse(body.text.encode(), "protocol"), body.hr_bpm)

    @router.post("/listen.wav", response_class=Response, responses={200: {"content": {"audio/wav": {}}}})
    def listen(body: Shown) -> Response:
        """Return half a minute of what a protocol plans, in fast motion, in place of one being made."""
        return Response(previews.listen(body.text, body.hr_bpm), media_type="audio/wav")

    @router.get("/listen.wav/progress")
    def progress() -> Rendered:
        """Return how much of a preview is made."""
        return Rendered(share=previews.progress)

    @router.delete("/listen.wav", status_code=204)
    def cancel() -> None:
        """Give up a preview that is being made."""
        previews.cancel()

    return router


def _entry(listing: ProtocolListing) -> ProtocolEntry:
    protocol = listing.protocol
    return ProtocolEntry(
        name=protocol.id,
        version=protocol.version,
        title=protocol.title,
        arm=protocol.arm,
        duration_s=protocol.duration_s,
        sha256=listing.sha256,
        built_in=listing.built_in,
        used=listing.used,
    )

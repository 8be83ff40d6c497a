"""Endpoints of sensor set-ups, and of the sensors and sound outputs that are found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, ValidationError
from serial.tools import list_ports

from acquisition.ble.heart_rate import visible_heart_rate_devices
from acquisition.errors import SourceError
from acquisition.lsl.connection import describe, visible_streams
from acquisition.serial.profiles import known_profiles
from acquisition.simulated.persona import PERSONAS
from biofeedback.catalog import Catalog
from biofeedback.commands import StrictModel
from biofeedback.errors import UsageError
from biofeedback.service.requests import Name, Spec
from biofeedback.service.schemas import SetupView, SourceView
from biofeedback.setups import Expected, Setup
from generator.live.devices import probe_outputs

LISTEN_S = 2.0


class NewSetup(StrictModel):
    """A set-up to save, or to change: an optional field that is left out stays, null clears it."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Name
    inputs: Annotated[list[Spec], Field(min_length=1, max_length=16)]
    note: Annotated[str, Field(max_length=2000)] | None = None
    expect: Annotated[dict[str, Expected], Field(max_length=16)] | None = None

    def applied_to(self, before: Setup | None) -> Setup:
        """Return a new set-up, or `before` with the given fields changed."""
        kept = {} if before is None else before.model_dump()
        given = self.model_dump(exclude={"name"}, exclude_unset=True)
        values = {field: value for field, value in {**kept, **given}.items() if value is not None}
        return Setup.model_validate(values)


def sensors_router(catalog: Catalog) -> APIRouter:
    """Return the endpoints."""
    router = APIRouter(tags=["sensors"])

    @router.get("/setups")
    def setups() -> tuple[SetupView, ...]:
        """Return the saved set-ups, by name."""
        return tuple(_view(name, setup) for name, setup in catalog.setups().items())

    @router.post("/setups", status_code=201)
    def save_setup(body: NewSetup) -> SetupView:
        """Save a set-up, or change the one of that name."""
        try:
            setup = body.applied_to(catalog.setups().get(body.name))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "set-up"
            raise UsageError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from None
        catalog.save_setup(body.name, setup, replace=True)
        return _view(body.name, setup)

    @router.delete("/setups/{name}", status_code=204)
    def remove_setup(name: str) -> None:
        """Remove a set-up."""
        catalog.remove_setup(name)

    @router.get("/sources")
    def sources() -> tuple[SourceView, ...]:
        """Look for sensors and sound devices; takes some seconds."""
        found: dict[str, Iterable[tuple[str, str]]] = {
            "lsl": ((f"lsl:name={info.name()}", describe(info)) for info in visible_streams(LISTEN_S)),
            "serial": ((f"serial:{port.device}", port.description) for port in list_ports.comports()),
            "profile": ((profile.name, profile.title) for profile in known_profiles().values()),
            "bluetooth": _straps(),
            "listener": ((f"virtual:{name}", f"a virtual listener, {name}") for name in sorted(PERSONAS)),
            "output": ((out.name, f"{1000 * out.latency_s:.0f} ms") for out in probe_outputs().devices),
        }
        return tuple(
            SourceView.model_validate({"group": group, "spec": spec, "words": words})
            for group, sources in found.items()
            for spec, words in sources
        )

    return router


def _straps() -> list[tuple[str, str]]:
    try:
        straps = visible_heart_rate_devices(LISTEN_S)
    except SourceError:  # no Bluetooth here
        return []
    return [(f"ble:{strap.address}", strap.name or "without a name") for strap in straps]


def _view(name: str, setup: Setup) -> SetupView:
    return SetupView(name=name, **setup.model_dump(exclude_none=True))

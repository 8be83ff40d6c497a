"""Sensor set-ups, and what there is to listen to and to play on."""

from __future__ import annotations

from typing import Annotated

import yaml
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from serial.tools import list_ports

from acquisition.ble.heart_rate import visible_heart_rate_devices
from acquisition.errors import SourceError
from acquisition.lsl.connection import describe, visible_streams
from acquisition.serial.profiles import known_profiles
from acquisition.simulated.persona import PERSONAS
from biofeedback.service.desk import Desk
from biofeedback.service.requests import Name, Spec
from biofeedback.service.schemas import SetupView, SourceView
from biofeedback.setups import Setup, load_setup, parse_setup
from biofeedback.setups import setups as kept_setups
from generator.live.devices import probe_outputs

LISTEN_S = 2.0


class NewSetup(BaseModel):
    """A set-up to keep, in place of one of that name."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: Name
    inputs: Annotated[list[Spec], Field(min_length=1, max_length=16)]
    note: Annotated[str, Field(max_length=2000)] = ""


def sensors_router(desk: Desk) -> APIRouter:
    """Return the endpoints."""
    router = APIRouter(tags=["sensors"])
    store = desk.store

    @router.get("/setups")
    def setups() -> tuple[SetupView, ...]:
        """Return the set-ups that can be named, by name."""
        named = {name: load_setup(name) for name in kept_setups()}
        named |= {kept.name: parse_setup(kept.text, kept.name) for kept in store.setups()}
        return tuple(_view(name, setup) for name, setup in sorted(named.items()))

    @router.post("/setups", status_code=201)
    def save_setup(body: NewSetup) -> SetupView:
        """Keep a set-up."""
        text = yaml.safe_dump(body.model_dump(exclude={"name"}), sort_keys=False, allow_unicode=True)
        kept = store.save_setup(body.name, text)
        return _view(kept.name, parse_setup(kept.text, kept.name))

    @router.get("/sources")
    def sources() -> tuple[SourceView, ...]:
        """Look for sensors and sound devices; takes some seconds."""
        found = [
            *(
                SourceView(group="lsl", spec=f"lsl:name={info.name()}", words=describe(info))
                for info in visible_streams(LISTEN_S)
            ),
            *(
                SourceView(group="serial", spec=f"serial:{port.device}", words=port.description)
                for port in list_ports.comports()
            ),
            *(
                SourceView(group="profile", spec=profile.name, words=profile.title)
                for profile in known_profiles().values()
            ),
            *_straps(),
            *(
                SourceView(group="listener", spec=f"virtual:{name}", words=f"a virtual listener, {name}")
                for name in sorted(PERSONAS)
            ),
            *(
                SourceView(group="output", spec=device.name, words=f"{1000 * device.latency_s:.0f} ms")
                for device in probe_outputs().devices
            ),
        ]
        return tuple(found)

    return router


def _straps() -> list[SourceView]:
    try:
        straps = visible_heart_rate_devices(LISTEN_S)
    except SourceError:  # no Bluetooth here
        return []
    return [
        SourceView(group="bluetooth", spec=f"ble:{strap.address}", words=strap.name or "without a name")
        for strap in straps
    ]


def _view(name: str, setup: Setup) -> SetupView:
    return SetupView(name=name, title=setup.title, inputs=setup.inputs, note=setup.note)

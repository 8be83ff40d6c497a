"""What a client may request: the commands of a session, those before and after it, and when each applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field

from biofeedback.commands import Command, StrictModel
from biofeedback.errors import UsageError
from biofeedback.palette_files import located, recorded_name
from generator.preferences import PREFERENCE_FIELDS, Preferences
from generator.state import LEVEL_RANGE_DB, VOLUME_RANGE_DB, Piece
from protocols.loading import parse

if TYPE_CHECKING:
    from biofeedback.catalog import Catalog
    from biofeedback.setups import Setup
    from biofeedback.store.records import Client
    from biofeedback.store.store import Store
    from protocols.schema import Protocol

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Spec = Annotated[str, Field(min_length=3, max_length=1000, pattern=r"\S")]

LONGEST_PROTOCOL = 200_000
"""Characters; a long protocol has 10 000."""


_TONIC, _REGISTER = PREFERENCE_FIELDS["tonic"], PREFERENCE_FIELDS["register_range"]


class _Order(StrictModel):
    def record(self) -> dict[str, Any]:
        """Return it as it is recorded: no client is named, and a protocol's text is there as the protocol."""
        args = self.model_dump(exclude={"name", "protocol_text", "client"}, exclude_defaults=True)
        return {"name": self.name, "args": args}  # type: ignore[attr-defined]  # every order has one


class PreferencesRequest(StrictModel):
    """Fields of `generator.preferences.Preferences`: one that is left out stays, null clears it."""

    palette: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")] | None = None
    nature: Name | None = None
    tonic: int | None = Field(default=None, ge=_TONIC.low, le=_TONIC.high)
    metre: Name | None = None
    playback: Name | None = None
    unwanted: list[Name] | None = Field(default=[], max_length=20)
    register_low: float | None = Field(default=_REGISTER.low, ge=_REGISTER.low, le=_REGISTER.high)
    register_high: float | None = Field(default=_REGISTER.high, ge=_REGISTER.low, le=_REGISTER.high)

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """Return preferences as they are ordered."""
        values = asdict(preferences)
        values["register_low"], values["register_high"] = values.pop("register_range")
        return cls.model_validate(values, strict=False)  # a list of JSON may be a tuple here

    def applied_to(self, preferences: Preferences) -> Preferences:
        """Return `preferences` with the fields that were given, and with defaults for those that are null.

        Raises
        ------
        StateError
            For a sound that does not exist, or bounds that are not a range.
        """
        defaults = type(self)()
        given = {
            name: getattr(defaults if getattr(self, name) is None else self, name)
            for name in self.model_fields_set
        }
        low, high = preferences.register_range
        register = (given.pop("register_low", low), given.pop("register_high", high))
        return preferences.changed({**given, "register_range": register})


class Prepare(_Order):
    """Open the sensors for a session.

    A protocol is named (built in or saved) or given as text; sensors are a set-up or a list of inputs. With
    a client the session goes under the client's code, and needs the client's consent.
    """

    name: Literal["prepare"] = "prepare"
    client: Name | None = None
    protocol: Name | None = None
    protocol_text: str | None = Field(default=None, max_length=LONGEST_PROTOCOL)
    inputs: list[Spec] = Field(default=[], max_length=16)
    setup: Name | None = None
    preferences: PreferencesRequest | None = Field(
        default=None, description="what is left out is the client's own; null sets it aside"
    )
    audio: Literal["auto", "device", "file", "none"] = "auto"
    device: Name | None = None
    seed: int = Field(default=0, ge=0, le=2**31 - 1)

    def record(self) -> dict[str, Any]:
        """Return it as it is recorded: a palette file without its folder."""
        recorded = super().record()
        preferences = recorded["args"].get("preferences") or {}
        if palette := preferences.get("palette"):
            preferences["palette"] = recorded_name(palette)
        return recorded


class CheckSensors(_Order):
    """Check the sensors again from the start."""

    name: Literal["check sensors"] = "check sensors"


class SoundCheck(_Order):
    """Play ten seconds as loud as the session will be."""

    name: Literal["sound check"] = "sound check"
    level_db: float = Field(default=0.0, ge=LEVEL_RANGE_DB[0], le=LEVEL_RANGE_DB[1])


class ConfirmComfort(_Order):
    """The listener finds this master volume comfortable: no session goes above it."""

    name: Literal["confirm comfort"] = "confirm comfort"
    volume_db: float = Field(default=0.0, ge=VOLUME_RANGE_DB[0], le=VOLUME_RANGE_DB[1])


class Start(_Order):
    """Begin the session: from now on it is recorded."""

    name: Literal["start"] = "start"
    cautions_confirmed: bool = False
    consent_confirmed: bool = False


class Close(_Order):
    """Close the sensors, or leave a session that is over."""

    name: Literal["close"] = "close"


HostOrder = Prepare | CheckSensors | SoundCheck | ConfirmComfort | Start | Close

AnyOrder = Annotated[Command | HostOrder, Field(discriminator="name")]

Key = Annotated[
    str,
    Field(
        min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$", description="new for each command: a UUID"
    ),
]


class CommandRequest(StrictModel):
    """A command with the key that tells it from every other one."""

    key: Key
    command: AnyOrder


class Stage(StrEnum):
    """Stage of the engine."""

    IDLE = "idle"
    """No session."""

    PREPARING = "preparing"
    """Instruments are being rendered, if the cache lacks some, then sensors and sound device opened.

    Leads to `PREPARED`, or back to `IDLE` if it fails.
    """

    PREPARED = "prepared"
    """They are open; nothing is recorded."""

    CHECKING = "checking"
    """The sensors are checked again from the start."""

    SOUND_CHECK = "sound check"
    """Ten seconds play; the stage stays until the volume is confirmed or another command comes."""

    READY = "ready"
    """The listener's comfortable volume is known."""

    RUNNING = "running"
    """The session runs and is recorded; its `Lifecycle` says more."""

    CLOSING = "closing"
    """The session is over; its files are being closed and taken into the store."""

    CLOSED = "closed"
    """The session can be reviewed."""


OPEN = (Stage.PREPARED, Stage.CHECKING, Stage.SOUND_CHECK, Stage.READY)
"""The stages in which sensors are open and nothing is recorded."""

LEADS_TO: Mapping[str, Mapping[Stage, Stage]] = {
    "prepare": {Stage.IDLE: Stage.PREPARING, Stage.CLOSED: Stage.PREPARING},
    "check sensors": dict.fromkeys(OPEN, Stage.CHECKING),
    "sound check": dict.fromkeys(OPEN, Stage.SOUND_CHECK),
    "confirm comfort": dict.fromkeys(OPEN, Stage.READY),
    "start": dict.fromkeys(OPEN, Stage.RUNNING),
    "close": {
        Stage.PREPARING: Stage.IDLE,
        **dict.fromkeys(OPEN, Stage.IDLE),
        Stage.CLOSED: Stage.IDLE,
    },
}
"""For each command of the host the stages in which it applies, and the stage it leads to."""


def refusal(command: str, stage: Stage) -> str:
    """Return why a command of the host does not apply now."""
    where = " or ".join(dict.fromkeys(LEADS_TO[command]))
    return f"{command!r} does not apply now: the engine is {stage}, and it would have to be {where}."


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """A `Prepare` request with everything it refers to.

    Attributes
    ----------
    order : Prepare
        The request.
    client : Client or None
        The client of the session.
    protocol : Protocol
        The validated protocol.
    inputs : tuple of str
        Input specifications of the set-up or of the request.
    setup : Setup or None
        The sensor set-up, if the request names one.
    preferences : Preferences
        Preferences of the request, or of the client.
    piece : Piece
        The constants of the music.
    """

    order: Prepare
    client: Client | None
    protocol: Protocol
    inputs: tuple[str, ...]
    setup: Setup | None
    preferences: Preferences
    piece: Piece

    def with_palette(self, palette: str) -> SessionRequest:
        """Return the request with a palette that plays, and that is recorded as played."""
        return replace(
            self,
            preferences=replace(self.preferences, palette=palette),
            piece=replace(self.piece, palette=palette),
        )

    @property
    def cautions(self) -> tuple[str, ...]:
        """The cautions to confirm before the start: those of the protocol, then those of the client."""
        return (*self.protocol.cautions, *(self.client.cautions if self.client is not None else ()))


def resolve(order: Prepare, store: Store, catalog: Catalog) -> SessionRequest:
    """Return a request with its client, protocol, sensors and preferences looked up.

    Raises
    ------
    UsageError, ProtocolError, StateError, StoreError
        If it cannot be done; the message says why.
    """
    client = store.clients.get(order.client) if order.client else None
    setup = catalog.named_setup(order.setup) if order.setup else None
    if setup is not None and order.inputs:
        raise UsageError("give inputs or a set-up, not both")
    inputs = setup.inputs if setup is not None else tuple(order.inputs)
    if not inputs:
        raise UsageError("no sensor: give a set-up, or inputs such as listener=virtual:responder")
    if order.device and order.audio in {"file", "none"}:
        raise UsageError(f"a device is for audio auto or device, not {order.audio}")
    protocol = _protocol_of(order, catalog)
    preferences = _preferences(order, client)
    piece = preferences.applied_to(Piece(**protocol.piece.model_dump(), seed=order.seed))
    return SessionRequest(
        order=order,
        client=client,
        protocol=protocol,
        inputs=inputs,
        setup=setup,
        preferences=preferences,
        piece=replace(piece, palette=located(piece.palette)),
    )


def _protocol_of(order: Prepare, catalog: Catalog) -> Protocol:
    if order.protocol_text is not None and order.protocol is None:
        return parse(order.protocol_text.encode(), "protocol")
    if order.protocol is None or order.protocol_text is not None:
        raise UsageError("give either protocol, an id, or protocol_text, a protocol as YAML")
    return catalog.protocol_listing(order.protocol).protocol


def _preferences(order: Prepare, client: Client | None) -> Preferences:
    if client is None or (order.preferences is None and "preferences" in order.model_fields_set):
        own = Preferences()
    else:
        own = client.preferences
    return own if order.preferences is None else order.preferences.applied_to(own)

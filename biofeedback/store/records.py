"""What the store hands out and takes in: plain, frozen records."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from generator.preferences import Preferences

Scope = Literal["sessions", "storage", "research"]

SCOPES: dict[Scope, str] = {
    "sessions": "carrying out sessions",
    "storage": "keeping the recordings",
    "research": "using the recordings for research",
}
"""What a client may agree to, each by itself, with its name in words; a session needs the first two."""

NEEDED: tuple[Scope, ...] = ("sessions", "storage")
"""What must be agreed to before a session."""

SessionState = Literal["open", "closed", "recovered", "deleting", "deleted"]
"""A session is being recorded, was closed properly, was cut off and taken up again; is being removed (an
interruption would be made up for), is gone but for this entry."""

Severity = Literal["mild", "moderate", "severe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client, known by a pseudonym only.

    Attributes
    ----------
    id : str
        Random; what other records refer to.
    code : str
        The pseudonym.
    created_at : str
        ISO 8601, UTC.
    preferences : Preferences
        What the client likes to hear.
    volume_db : float or None
        The level last found comfortable, 0 or below; None where never confirmed.
    cautions, goals : tuple of str
        What to think of before a session, and what the sessions are for.
    """

    id: str
    code: str
    created_at: str
    preferences: Preferences = field(default_factory=Preferences)
    volume_db: float | None = None
    cautions: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a client has agreed to.

    Attributes
    ----------
    id : str
        Random.
    version : str
        Which text was signed, such as ``2026-03``.
    given_at : str
        ISO 8601, UTC.
    given : tuple of Scope
        What was agreed to.
    withdrawn : dict of Scope to str
        What was taken back since, and when.
    keep_days : int or None
        How long recordings may be kept by this consent; None where it does not say.
    """

    id: str
    version: str
    given_at: str
    given: tuple[Scope, ...]
    withdrawn: dict[Scope, str] = field(default_factory=dict)
    keep_days: int | None = None

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What holds now."""
        return tuple(scope for scope in self.given if scope not in self.withdrawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOverview:
    """A client, the newest consent (None where there never was one), and the number of sessions."""

    client: Client
    consent: Consent | None
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolVersion:
    """A saved protocol.

    Attributes
    ----------
    id : str
        Random.
    name, version, title
        The protocol's own ``id``, ``version`` and ``title``.
    sha256 : str
        Of its canonical form, as `protocols.schema.protocol_sha256` gives it.
    text : str
        As it was saved (YAML).
    saved_at : str
        ISO 8601, UTC.
    used_at : str or None
        When a session first used it; from then on this version stays as it is.
    """

    id: str
    name: str
    version: int
    title: str
    sha256: str
    text: str
    saved_at: str
    used_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSetup:
    """A sensor set-up: its name, its title and its text (YAML, as `biofeedback.setups` reads it)."""

    id: str
    name: str
    title: str
    text: str
    saved_at: str


NO_SETUPS = "none yet; biofeedback setups save makes one"
"""In place of the names of the sensor set-ups in a message, where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFile:
    """A set-up file of an earlier version: its path, and its set-up as YAML."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MigratedSetup:
    """A set-up file that was copied into the store, and the name under which the set-up is saved."""

    path: Path
    saved_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session, as its recording tells it.

    Attributes
    ----------
    id : str
        Random.
    client : str or None
        The client's code; None where the session is nobody's.
    state : SessionState
        Where it stands.
    directory : Path or None
        Where its files are; None once deleted.
    begun_at : str
        ISO 8601, UTC: the recording's start; before that is known, when the store was told of the session.
    started : str or None
        The recording's start on the wall clock of its place, with offset.
    duration_s : float or None
        Seconds; None while it is being recorded.
    reason : str or None
        Why it ended.
    protocol, protocol_version, protocol_title, protocol_sha256, arm
        What was carried out.
    seed : int or None
        All chance followed from it.
    clock : str or None
        ``real`` or ``virtual``.
    inputs : tuple of str
        Names of the recorded inputs.
    software : str or None
        Version of this program that recorded it.
    complete : bool
        Whether the recording was closed; if not, its last second may be missing.
    bytes : int or None
        Size of what is kept.
    meta_sha256 : str or None
        SHA-256 of ``session.json``, which holds those of the other files.
    deleted_at, deleted_why : str or None
        When and why it was deleted.
    """

    id: str
    client: str | None
    state: SessionState
    directory: Path | None
    begun_at: str
    started: str | None
    duration_s: float | None
    reason: str | None
    protocol: str | None
    protocol_version: int | None
    protocol_title: str | None
    protocol_sha256: str | None
    arm: str | None
    seed: int | None
    clock: str | None
    inputs: tuple[str, ...]
    software: str | None
    complete: bool
    bytes: int | None
    meta_sha256: str | None
    deleted_at: str | None
    deleted_why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFact:
    """A phase as it was carried out, in seconds from the session's start."""

    name: str
    kind: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFact:
    """Something that was marked: when, its type, its words where it has any, and all that was recorded."""

    t_s: float
    type: str
    text: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingFact:
    """What the client said of their state; None where they did not want to say.

    `t_s` counts from the session's start also where it was said, and `written_at`, after the session's end.
    """

    t_s: float
    scale: str
    value: float | None
    data: dict[str, Any]
    written_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFact:
    """A command, who gave it, and the answer."""

    t_s: float
    name: str
    origin: str | None
    accepted: bool | None
    answer: str | None
    args: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFact:
    """A note: taken in the session (`t_s`), or written afterwards (`written_at`)."""

    t_s: float | None
    text: str
    written_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdverseEventFact:
    """Something untoward: taken down in the session (`t_s`), or written afterwards (`written_at`)."""

    t_s: float | None
    severity: Severity
    text: str
    written_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the store keeps of one session beside `Session`, each in order of time."""

    phases: tuple[PhaseFact, ...]
    events: tuple[EventFact, ...]
    ratings: tuple[RatingFact, ...]
    commands: tuple[CommandFact, ...]
    notes: tuple[NoteFact, ...]
    adverse_events: tuple[AdverseEventFact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """How long recordings are kept: of one client (its code), or of everybody (None)."""

    client: str | None
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What was found cut off, and what was done about it, one sentence each."""

    what: str
    did: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what}: {'; '.join(self.did)}"


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Number and SHA-256 of the newest row of the audit; number 0 where there is none."""

    number: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A row of the audit; see `biofeedback.store.audit`."""

    number: int
    at: str
    action: str
    kind: str
    subject: str
    state: str | None
    previous: str
    sha256: str

    def values(self) -> dict[str, Any]:
        """Return all that its SHA-256 is of."""
        return {name: value for name, value in asdict(self).items() if name != "sha256"}


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Something that is not as it was left.

    Attributes
    ----------
    where : str
        The file or row.
    what : str
        What is wrong with it.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def counted(count: int, what: str) -> str:
    """Return a number of things in words: ``1 session``, ``2 sessions``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"

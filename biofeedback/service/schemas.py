"""What the engine tells its clients: immutable, and the same on both sides of the connection."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from biofeedback.commands import OVERRIDABLE, AdverseEvent
from biofeedback.models import PlannedPhase, Snapshot
from biofeedback.service.requests import PreferencesRequest, Stage
from biofeedback.service.sensor_status import SensorStatus
from biofeedback.store.records import (
    NEEDED,
    SCOPES,
    AdverseEventFact,
    NoteFact,
    PhaseFact,
    RatingFact,
    Session,
)
from generator.preferences import PREFERENCE_FIELDS
from generator.state import FORMS, STATE_FIELDS, TONAL_PLANS, VOLUME_RANGE_DB, Mode, StateField
from protocols.fields import LEVEL_DB_PER_S, OVERRIDE_BPM_PER_MIN, RUNG, Limits
from protocols.outline import ARMS
from protocols.phases import PHASES
from protocols.scales import SCALES


class View(BaseModel):
    """What the engine answers; can be made of an object that has the same attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class RatingQuestion(View):
    """A rating that a protocol asks for: the question, the ends of its scale, and when it is asked last."""

    scale: str
    question: str
    low: int
    high: int
    low_means: str
    high_means: str
    phase: str
    at: Literal["begin", "end"]


class ProtocolView(View):
    """The protocol of a session.

    Attributes
    ----------
    protocol_id, title, arm, sha256 : str
        As in its file, and its hash.
    version : int
        As in its file.
    cautions : tuple of str
        To be confirmed before the start.
    duration_s : float
        As planned.
    numbers_shown : bool
        Whether the live screen may show numbers.
    ratings : tuple of RatingQuestion
        What the listener is asked, each scale once.
    """

    protocol_id: str
    version: int
    title: str
    arm: str
    sha256: str
    cautions: tuple[str, ...]
    duration_s: float
    numbers_shown: bool = True
    ratings: tuple[RatingQuestion, ...] = ()


class AudioView(View):
    """Where the sound goes: ``paced`` is nowhere. `why` says what is to be said about it."""

    kind: str
    name: str
    why: str


class RecordingView(View):
    """The recording: its session's id, its directory, and how many bytes were written by now."""

    session_id: str
    directory: str
    bytes: int


class SessionView(View):
    """The session that is prepared, runs or is over.

    Attributes
    ----------
    client : str or None
        Code of the client.
    protocol : ProtocolView
        What is to be done.
    cautions : tuple of str
        The protocol's and the client's, to be confirmed before the start.
    inputs : tuple of str
        As ordered.
    audio : AudioView or None
        None while the sound device is being opened.
    lights : tuple of SensorStatus
        One per sensor.
    comfort_db : float or None
        The volume that the listener confirmed; None before.
    sound_check : float or None
        Progress of the sound check, 0 to 1; None if none is playing.
    consent_needed : bool
        Whether `start` asks for consent too: the client is in the store.
    recording : RecordingView or None
        None before the start.
    snapshot : Snapshot or None
        The session as it stands; before the start its lifecycle is ``waiting``. None while sensors are being
        opened.
    end_reason : str
        Why it ended, or what failed; empty before.
    """

    client: str | None
    protocol: ProtocolView
    cautions: tuple[str, ...]
    inputs: tuple[str, ...]
    audio: AudioView | None
    lights: tuple[SensorStatus, ...]
    comfort_db: float | None
    sound_check: float | None
    consent_needed: bool
    recording: RecordingView | None
    snapshot: Snapshot | None
    end_reason: str


class SamplesView(View):
    """The samples of the instruments, which are rendered once on each computer.

    Attributes
    ----------
    share : float or None
        How much of those that a session waits for is rendered, 0 to 1; None where it waits for none.
    not_kept : str
        Why they cannot be kept, so that the sound begins late each time; empty where they can.
    palette_fault : str
        What is wrong with the session's palette file, and which palette plays instead; empty where none is.
    """

    share: float | None = None
    not_kept: str = ""
    palette_fault: str = ""


class Rendered(View):
    """Progress of the preview or audition that is being rendered, 0 to 1; None if there is none."""

    share: float | None


class EngineView(View):
    """The engine itself.

    Attributes
    ----------
    version : str
        Of the program.
    stage : str
        See `biofeedback.service.requests.Stage`.
    trouble : str
        What failed last, such as a sensor that could not be opened; empty where nothing did.
    heartbeat_s : float
        Seconds since the engine last stepped. More than 1 is too long, but for the seconds after a start in
        which the sound is being opened: the session's lifecycle is ``waiting`` then.
    clients_watching : int
        Open live connections.
    samples : SamplesView
        The samples of the instruments.
    """

    version: str
    stage: Stage
    trouble: str
    heartbeat_s: float
    clients_watching: int
    samples: SamplesView = SamplesView()


class State(View):
    """The engine and its session at one moment."""

    engine: EngineView
    session: SessionView | None


class Reply(View):
    """The reply to a command: the first answer to its key, and the present state."""

    accepted: bool
    answer: str
    state: State


class Problem(View):
    """Why a request was refused, in one line."""

    detail: str


class ConsentView(View):
    """What a client has agreed to, and when; `scopes` are what holds now."""

    version: str
    given_at: str
    scopes: tuple[str, ...]


class Withdrawal(View):
    """What taking consent back does, in sentences, and whether it was done."""

    done: bool
    sentences: tuple[str, ...]


class ClientView(View):
    """A client, known by a pseudonym.

    Attributes
    ----------
    code : str
        The pseudonym.
    preferences : PreferencesRequest
        As ``prepare`` takes them.
    volume_db : float or None
        Last found comfortable.
    cautions, goals : tuple of str
        What to think of before a session, and what the sessions are for.
    consent : ConsentView or None
        None where none holds.
    sessions : int
        Number of sessions.
    """

    code: str
    preferences: PreferencesRequest
    volume_db: float | None
    cautions: tuple[str, ...]
    goals: tuple[str, ...]
    consent: ConsentView | None
    sessions: int


class ProtocolEntry(View):
    """A protocol that can be named: built in, or a kept version; `used` if a session was done with it."""

    name: str
    version: int
    title: str
    arm: str
    duration_s: float
    sha256: str
    built_in: bool
    used: bool


class ProtocolText(View):
    """A protocol as YAML."""

    name: str
    version: int
    text: str


class ArcView(View):
    """What a protocol plans for a listener who follows, and in a session what was asked for so far.

    Attributes
    ----------
    phases : tuple of PlannedPhase
        Its phases, arcs opened up into their sections.
    hr_bpm : float or None
        The steady heart rate it is planned for; None where it is not known, or the plan reads none.
    times_s : tuple of float
        Seconds from the start at which something changes, and the last.
    course : mapping
        Columns of `MusicState`, by name: what is asked for from each of these times on; None in silence.
    tempi : tuple
        Seconds from the session's start and the tempo that was asked for from then on, None in silence; empty
        where no session runs by it.
    """

    phases: tuple[PlannedPhase, ...]
    hr_bpm: float | None
    times_s: tuple[float, ...]
    course: dict[str, tuple[float | None, ...]]
    tempi: tuple[tuple[float, float | None], ...] = ()


class ProtocolFault(View):
    """What is wrong with a protocol: the line, the field, and what would be right."""

    line: int
    field: str
    message: str


class SetupView(View):
    """A sensor set-up; `expect` is by stream: ``rate_hz``, ``unit``."""

    name: str
    title: str
    inputs: tuple[str, ...]
    note: str
    expect: dict[str, dict[str, float | str]] = {}


class SourceView(View):
    """A sensor, a profile, a virtual listener or a sound output that can be used.

    Attributes
    ----------
    group : str
        ``lsl``, ``serial``, ``profile``, ``bluetooth``, ``listener`` or ``output``.
    spec : str
        What an input specification says of it after its kind, such as ``lsl:name=PolarECG``; of an output its
        name.
    words : str
        Description for people.
    """

    group: Literal["lsl", "serial", "profile", "bluetooth", "listener", "output"]
    spec: str
    words: str


class FileView(View):
    """A file of a session."""

    name: str
    bytes: int


class SessionDetail(View):
    """A session and what is known of it."""

    entry: Session
    phases: tuple[PhaseFact, ...]
    ratings: tuple[RatingFact, ...]
    notes: tuple[NoteFact, ...]
    adverse_events: tuple[AdverseEventFact, ...]
    files: tuple[FileView, ...]


class Link(View):
    """An address that opens a page once, and gives the browser that opens it the page's right."""

    url: str


class MusicFieldView(View):
    """A field of `MusicState` that may be overridden.

    Attributes
    ----------
    unit : str
        ``bpm``, ``dB``, ``1/min``, ``count`` or ``0-1``.
    low, high : float
        Its range.
    values : tuple of float
        The only values of a stepped field; empty for the others.
    names : tuple of str
        Names of these values, where they have names.
    pace_per_s : float or None
        How fast an override moves it; None where it follows with the next bars.
    """

    unit: str
    low: float
    high: float
    values: tuple[float, ...]
    names: tuple[str, ...]
    pace_per_s: float | None


class PreferenceFieldView(View):
    """A field of `Preferences`: the names to choose from, or the range of a number."""

    choices: tuple[str, ...]
    low: float | None
    high: float | None


class ScaleView(View):
    """The ends of a rating scale."""

    low: int
    high: int


class OptionsView(View):
    """What a client can offer to choose, by name.

    Attributes
    ----------
    music, preferences, scales : mapping
        Fields of `MusicState` that may be overridden, of `Preferences`, and rating scales, each by name.
    severities : tuple of str
        Of an adverse event.
    volume_db : tuple of (float, float)
        Range of the master volume.
    phase_kinds, arms, forms, tonal_plans : tuple of str
        What a protocol may name.
    consent_scopes, needed_scopes : tuple of str
        What a client may agree to, and what of it a session needs.
    """

    music: dict[str, MusicFieldView]
    preferences: dict[str, PreferenceFieldView]
    scales: dict[str, ScaleView]
    severities: tuple[str, ...]
    volume_db: tuple[float, float]
    phase_kinds: tuple[str, ...]
    arms: tuple[str, ...]
    forms: tuple[str, ...]
    tonal_plans: tuple[str, ...]
    consent_scopes: tuple[str, ...]
    needed_scopes: tuple[str, ...]


OVERRIDE_PACE_PER_S = {
    "tempo_bpm": OVERRIDE_BPM_PER_MIN / 60.0,
    "mode": RUNG / Limits().mode_seconds,
    "level_db": LEVEL_DB_PER_S,
}
"""How fast an override moves a field; the others follow with the next bars."""


def _music_field(field: StateField) -> MusicFieldView:
    return MusicFieldView(
        unit=field.unit,
        low=field.low,
        high=field.high,
        values=field.values,
        names=tuple(mode.name.lower() for mode in Mode) if field.name == "mode" else (),
        pace_per_s=OVERRIDE_PACE_PER_S.get(field.name),
    )


OPTIONS = OptionsView(
    music={name: _music_field(STATE_FIELDS[name]) for name in OVERRIDABLE},
    preferences={
        name: PreferenceFieldView.model_validate(field) for name, field in PREFERENCE_FIELDS.items()
    },
    scales={name: ScaleView.model_validate(scale) for name, scale in SCALES.items()},
    severities=get_args(AdverseEvent.model_fields["severity"].annotation),
    volume_db=VOLUME_RANGE_DB,
    phase_kinds=tuple(PHASES),
    arms=ARMS,
    forms=FORMS,
    tonal_plans=TONAL_PLANS,
    consent_scopes=tuple(SCOPES),
    needed_scopes=tuple(NEEDED),
)
"""The options of this version; the engine serves them at ``GET /options``."""

"""The kinds of phases, what every phase may contain, and the energy of an engage phase."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, Field

from generator.state import RANGES, MusicState
from protocols.fields import (
    HIGHEST_GOAL_BPM,
    LOWEST_GOAL_BPM,
    MATCH_RANGE_BPM,
    MatchedBpm,
    MatchedTempo,
    ModeOf,
    Name,
    ProtocolPart,
    Seconds,
    Short,
    Tempo,
    described,
    one_of,
    ranged,
)
from protocols.scales import SCALES


class Until(ProtocolPart):
    """A cue that ends a phase before its longest time is over."""

    cue: Name = described("name of the cue that ends the phase")


class ScheduledRating(ProtocolPart):
    """A question to the listener, on one of the rating scales."""

    scale: Annotated[str, one_of(SCALES)] = described("the scale", "one of " + ", ".join(SCALES))
    at: Literal["begin", "end"] = described("when in the phase", "begin or end", default="end")


class PhaseMarkers(ProtocolPart):
    """Texts that are written into the recording and sent as markers to other programs."""

    begin: Short | None = described(
        "marker at the begin of the phase", "a text of at most 120 characters", default=None
    )
    end: Short | None = described("marker at its end", "a text of at most 120 characters", default=None)


class GateSettings(ProtocolPart):
    """When a lead waits for the listener, in standard deviations (σ) of their activation at baseline."""

    hold_sigma: float = ranged(
        "σ above the activation while matching (in a lead upward: below) beyond which the lead is held",
        (0.25, 5),
        default=1.0,
    )
    hold_after_s: float = ranged(
        "seconds beyond hold_sigma after which it is held", (5, 300), kind="a number of seconds", default=15.0
    )
    release_sigma: float = ranged(
        "σ below which a held lead goes on; less than hold_sigma", (0, 5), default=0.5
    )
    step_back_after_s: float = ranged(
        "seconds of holding after which it steps back, again and again",
        (30, 1800),
        kind="a number of seconds",
        default=150.0,
    )
    step_back_share: float = ranged("share of its progress by which it steps back", (0, 0.5), default=0.25)
    plateau_step_backs: int = ranged(
        "number of steps back after which it stays where it is and asks the therapist",
        (1, 10),
        kind="a whole number",
        default=2,
    )
    plateau_sigma: float | None = ranged(
        "σ above which it asks at once; where left out, 2 in a lead downward and 3 in one upward",
        (0.5, 6),
        default=None,
    )
    plateau_after_s: float = ranged(
        "seconds beyond plateau_sigma after which it asks",
        (15, 600),
        kind="a number of seconds",
        default=60.0,
    )


BREATH_RANGE_PER_MIN = (4.0, 10.0)
"""Rates of slow breathing that a protocol may ask for by number."""

OWN_BREATH_RANGE_PER_MIN = (4.0, 20.0)
"""Rates within which a share of the listener's own breathing rate is kept."""


class Phase(ProtocolPart):
    """What every phase, and every section of an arc, has."""

    name: Name = described("its name, which no other phase or section has (`end` is taken)")
    duration_s: Seconds = described("its length; with `until`, the longest it may take")
    until: Until | None = described(
        "ends the phase as soon as somebody gives this cue",
        "a mapping such as {cue: procedure-over}",
        since=2,
        default=None,
    )
    ratings: tuple[ScheduledRating, ...] = described(
        "questions to the listener", "a list such as [{scale: pain-nrs, at: begin}]", since=2, default=()
    )
    markers: PhaseMarkers = described(
        "markers in the recording",
        "a mapping such as {begin: procedure starts, end: procedure over}",
        since=2,
        default=PhaseMarkers(),
    )

    @property
    def sounds(self) -> bool:
        """Whether the phase has music."""
        return isinstance(self, Texture)


class SettlePhase(Phase):
    """Silence in which listener and sensors settle."""

    kind: Literal["settle"]


class BaselinePhase(Phase):
    """Silence in which the listener's resting state is measured; 120 s is short, research takes 300 s."""

    kind: Literal["baseline"]


class SilencePhase(Phase):
    """A pause in the music; 30 to 120 s are a good length."""

    kind: Literal["silence"]


class RecoveryPhase(Phase):
    """Silence after the music, in which physiology is observed."""

    kind: Literal["recovery"]


class Texture(ProtocolPart):
    """What the music is like at the end of the phase.

    A field that is left out stays as in the phase before; before the first, as in
    ``generator.state.MusicState``.
    """

    mode: ModeOf | None = described(
        "dark to bright",
        "phrygian, aeolian, dorian, mixolydian, ionian, lydian or its number 0, 0.2 … 1",
        default=None,
    )
    density: float | None = ranged("how many notes sound", RANGES["density"], default=None)
    # Called plain `register` in files: that attribute name is taken by the class's own machinery.
    register_: float | None = ranged("how high", RANGES["register"], default=None, alias="register")
    brightness: float | None = ranged("how bright the sounds are", RANGES["brightness"], default=None)
    articulation: float | None = ranged("0 legato … 1 detached", RANGES["articulation"], default=None)
    layers: int | None = ranged(
        "how many parts sound together", RANGES["layers"], kind="a whole number", default=None
    )
    level_db: float | None = ranged("how loud", RANGES["level_db"], " dB", default=None)
    breath_rate: float | None = ranged(
        "swells a minute, 0 for none", RANGES["breath_rate"], " per minute", default=None
    )
    breath_depth: float | None = ranged("how deep the swells are", RANGES["breath_depth"], default=None)


TEXTURE_FIELDS = tuple(field.alias or name for name, field in Texture.model_fields.items())


class ChangeRates(ProtocolPart):
    """How fast the music may change in a phase, in place of the protocol's `limits`."""

    tempo_bpm_per_min: float | None = ranged(
        "fastest change of tempo in this phase, in place of the protocol's; in a lead at most 3",
        (0.5, 8),
        since=2,
        default=None,
    )
    mode_seconds: float | None = ranged(
        "shortest time between two changes of mode in this phase, in place of the protocol's",
        (30, 600),
        kind="a number of seconds",
        since=2,
        default=None,
    )


def _matched_bpm(which: str, default: float, *, since: int = 2) -> Any:
    return described(f"{which} tempo that a heart rate may lead to", since=since, default=default)


class SoundingPhase(Phase, Texture, ChangeRates):
    """A phase with music."""


class MatchingPhase(SoundingPhase):
    """A phase whose tempo is a number, or follows the listener's heart rate between two bounds."""

    tempo_bpm: Tempo = described(
        "`hr`, a tempo relative to it (`hr*0.9`, `hr-5`, `hr+5`), or a number",
        "hr, hr*0.9, hr-5, hr+5 or a number from 30 to 140 bpm",
    )
    hr_lowest_bpm: MatchedBpm = _matched_bpm("slowest", MATCH_RANGE_BPM[0])
    hr_highest_bpm: MatchedBpm = _matched_bpm("fastest", MATCH_RANGE_BPM[1])


class MatchPhase(MatchingPhase):
    """Music at the listener's heart rate, or at a tempo of its own."""

    kind: Literal["match"]
    tempo_bpm: MatchedTempo = described(
        "`hr`, a tempo relative to it (`hr*0.9`, `hr-5`, `hr+5`), or a number",
        "hr, hr*0.9, hr-5, hr+5 or a number from 50 to 100 bpm",
        default="hr",
    )


class LeadPhase(SoundingPhase):
    """Music that leads from the matched tempo toward a goal; it comes directly after a match."""

    kind: Literal["lead"]
    goal_bpm: float = ranged(
        "tempo to lead to; at most 0.85 of the start, upward at least 1.15 of it",
        (LOWEST_GOAL_BPM, HIGHEST_GOAL_BPM),
        " bpm",
    )
    direction: Literal["down", "up"] = described(
        "toward rest (`down`) or toward higher arousal (`up`)", "down or up", since=2, default="down"
    )
    gating: Literal["listener", "clock"] | None = described(
        "whether it waits for the listener; where left out, it does in a closed loop",
        "listener or clock",
        since=2,
        default=None,
    )
    gate: GateSettings = described(
        "when it waits; see below", "a mapping such as {hold_after_s: 20}", since=2, default=GateSettings()
    )


class SustainPhase(SoundingPhase):
    """Music that stays at the tempo it has."""

    kind: Literal["sustain"]


class BreathePhase(SoundingPhase):
    """Music that swells and ebbs at a slow rate of breathing, at the tempo it has.

    One of `breath_rate`, `share_of_own` and `assessed` says at which.
    """

    kind: Literal["breathe"]
    breath_rate: float | None = ranged("breaths a minute", BREATH_RANGE_PER_MIN, " per minute", default=None)
    share_of_own: float | None = ranged(
        "the rate as a share of the listener's own, as measured in the baseline, else when the phase begins",
        (0.5, 1),
        default=None,
    )
    assessed: bool = described(
        "true: the rate that the steps with `assess: true` before it found", "true or false", default=False
    )
    fallback_rate: float = ranged(
        "rate where the listener's own is not known, or no step could be judged",
        BREATH_RANGE_PER_MIN,
        " per minute",
        default=6.0,
    )
    breath_depth: float = ranged(
        "how deep the swells are; 1 is 4 dB from softest to loudest", (0.1, 1), default=0.6
    )
    assess: bool = described(
        "true: a step of an assessment, whose rate is tried out", "true or false", default=False
    )


class Section(MatchingPhase):
    """A part of an arc: the music moves to its tempo and texture, then stays there."""

    kind: ClassVar[str] = "arc"
    hr_lowest_bpm: MatchedBpm = _matched_bpm("slowest", MATCH_RANGE_BPM[0], since=1)
    hr_highest_bpm: MatchedBpm = _matched_bpm("fastest", MATCH_RANGE_BPM[1], since=1)


class ArcPhase(ProtocolPart):
    """A course written section by section; the clock or a cue moves it on."""

    kind: Literal["arc"]
    name: Name = described("its name, which no other phase or section has")
    sections: tuple[Section, ...] = described("its parts, in order", "a list of sections")


ENERGY_RANGE = (0.0, 1.0)


class EngagePhase(SoundingPhase):
    """Music to turn to, as in pain distraction: its energy is set by listener and therapist.

    Tempo and texture follow from energy; what is set here stays as set. Intensify and soften change energy
    by 0.1; physiology never lowers it.
    """

    kind: Literal["engage"]
    energy: float | None = ranged(
        "energy at its begin; where left out, that with which the engage phase before ended",
        ENERGY_RANGE,
        default=None,
    )


class ReturnPhase(MatchingPhase):
    """Music that moves gently to its tempo and texture over the whole phase: the way back to the room."""

    kind: Literal["return"]


AnyPhase = Annotated[
    SettlePhase
    | BaselinePhase
    | MatchPhase
    | LeadPhase
    | SustainPhase
    | BreathePhase
    | ArcPhase
    | EngagePhase
    | SilencePhase
    | ReturnPhase
    | RecoveryPhase,
    Field(discriminator="kind"),
]

Stretch = (
    SettlePhase
    | BaselinePhase
    | MatchPhase
    | LeadPhase
    | SustainPhase
    | BreathePhase
    | Section
    | EngagePhase
    | SilencePhase
    | ReturnPhase
    | RecoveryPhase
)
"""What a session is made of in time: a phase, or a section of an arc."""


def kind_of(model: type[BaseModel]) -> str | None:
    """Return the kind of the phases of a model, as it is written in files; None for other models."""
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field else None


PHASES: dict[str, type[ProtocolPart]] = {
    str(kind_of(model)): model for model in get_args(get_args(AnyPhase)[0])
}
"""The kinds of phases by their names in files."""


def stretches(phase: AnyPhase) -> tuple[Stretch, ...]:
    """Return the phase itself, or the sections of an arc."""
    return phase.sections if isinstance(phase, ArcPhase) else (phase,)


def energetic(energy: float) -> MusicState:
    """Return the music of that energy, 0 to 1: higher is faster, denser, brighter, fuller and louder.

    Tempo is ``40 + 80·A`` bpm and density, which is the chance of a note, rises with A; brightness likewise;
    two layers become seven, notes grow more detached, level rises from −6 to 0 dB. A convention of this
    project. Mode and register are left as `MusicState` has them: they are the listener's taste.
    """
    return MusicState(
        tempo_bpm=40 + 80 * energy,
        density=energy,
        brightness=energy,
        articulation=round(0.1 + 0.5 * energy, 9),
        layers=2 + math.floor(5 * energy + 0.5),
        level_db=-6.0 * (1 - energy),
    )

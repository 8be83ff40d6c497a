"""The kinds of phases, what every phase may contain, and the energy of an engage phase."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

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
)
from protocols.scales import SCALES


class Until(ProtocolPart):
    """A cue that ends a phase before its longest time is over."""

    cue: Name = described(
        "name of the cue that ends the phase", "a name of small letters and digits, words joined by hyphens"
    )


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

    hold_sigma: float = described(
        "σ above the activation while matching (in a lead upward: below) beyond which the lead is held",
        "a number from 0.25 to 5",
        default=1.0,
        ge=0.25,
        le=5,
    )
    hold_after_s: float = described(
        "seconds beyond hold_sigma after which it is held",
        "a number of seconds from 5 to 300",
        default=15.0,
        ge=5,
        le=300,
    )
    release_sigma: float = described(
        "σ below which a held lead goes on; less than hold_sigma",
        "a number from 0 to 5",
        default=0.5,
        ge=0,
        le=5,
    )
    step_back_after_s: float = described(
        "seconds of holding after which it steps back, again and again",
        "a number of seconds from 30 to 1800",
        default=150.0,
        ge=30,
        le=1800,
    )
    step_back_share: float = described(
        "share of its progress by which it steps back", "a number from 0 to 0.5", default=0.25, ge=0, le=0.5
    )
    plateau_step_backs: int = described(
        "number of steps back after which it stays where it is and asks the therapist",
        "a whole number from 1 to 10",
        default=2,
        ge=1,
        le=10,
    )
    plateau_sigma: float | None = described(
        "σ above which it asks at once; where left out, 2 in a lead downward and 3 in one upward",
        "a number from 0.5 to 6",
        default=None,
        ge=0.5,
        le=6,
    )
    plateau_after_s: float = described(
        "seconds beyond plateau_sigma after which it asks",
        "a number of seconds from 15 to 600",
        default=60.0,
        ge=15,
        le=600,
    )


BREATH_RANGE_PER_MIN = (4.0, 10.0)
"""Rates of slow breathing that a protocol may ask for by number."""

OWN_BREATH_RANGE_PER_MIN = (4.0, 20.0)
"""Rates within which a share of the listener's own breathing rate is kept."""


class Phase(ProtocolPart):
    """What every phase, and every section of an arc, has."""

    name: Name = described(
        "its name, which no other phase or section has (`end` is taken)",
        "a name of small letters and digits, words joined by hyphens",
    )
    duration_s: Seconds = described(
        "its length; with `until`, the longest it may take", "a number of seconds from 5 to 7200"
    )
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


def _ranged(name: str, means: str, kind: str, unit: str = "") -> Any:
    low, high = RANGES[name]
    return described(means, f"{kind} from {low:g} to {high:g}{unit}", default=None, ge=low, le=high)


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
    density: float | None = _ranged("density", "how many notes sound", "a number")
    # Called plain `register` in files: that attribute name is taken by the class's own machinery.
    register_: float | None = described(
        "how high", "a number from 0 to 1", default=None, alias="register", ge=0, le=1
    )
    brightness: float | None = _ranged("brightness", "how bright the sounds are", "a number")
    articulation: float | None = _ranged("articulation", "0 legato … 1 detached", "a number")
    layers: int | None = _ranged("layers", "how many parts sound together", "a whole number")
    level_db: float | None = _ranged("level_db", "how loud", "a number", " dB")
    breath_rate: float | None = _ranged(
        "breath_rate", "swells a minute, 0 for none", "a number", " per minute"
    )
    breath_depth: float | None = _ranged("breath_depth", "how deep the swells are", "a number")


TEXTURE_FIELDS = tuple(field.alias or name for name, field in Texture.model_fields.items())


class ChangeRates(ProtocolPart):
    """How fast the music may change in a phase, in place of the protocol's `limits`."""

    tempo_bpm_per_min: float | None = described(
        "fastest change of tempo in this phase, in place of the protocol's; in a lead at most 3",
        "a number from 0.5 to 8",
        since=2,
        default=None,
        ge=0.5,
        le=8,
    )
    mode_seconds: float | None = described(
        "shortest time between two changes of mode in this phase, in place of the protocol's",
        "a number of seconds from 30 to 600",
        since=2,
        default=None,
        ge=30,
        le=600,
    )


def _lowest(since: int) -> Any:
    return described(
        "slowest tempo that a heart rate may lead to",
        "a number from 50 to 100 bpm",
        since=since,
        default=MATCH_RANGE_BPM[0],
    )


def _highest(since: int) -> Any:
    return described(
        "fastest tempo that a heart rate may lead to",
        "a number from 50 to 100 bpm",
        since=since,
        default=MATCH_RANGE_BPM[1],
    )


class MatchPhase(Phase, Texture, ChangeRates):
    """Music at the listener's heart rate, or at a tempo of its own."""

    kind: Literal["match"]
    tempo_bpm: MatchedTempo = described(
        "`hr`, a tempo relative to it (`hr*0.9`, `hr-5`, `hr+5`), or a number",
        "hr, hr*0.9, hr-5, hr+5 or a number from 50 to 100 bpm",
        default="hr",
    )
    hr_lowest_bpm: MatchedBpm = _lowest(since=2)
    hr_highest_bpm: MatchedBpm = _highest(since=2)


class LeadPhase(Phase, Texture, ChangeRates):
    """Music that leads from the matched tempo toward a goal; it comes directly after a match."""

    kind: Literal["lead"]
    goal_bpm: float = described(
        "tempo to lead to; at most 0.85 of the start, upward at least 1.15 of it",
        "a number from 42 to 120 bpm",
        ge=LOWEST_GOAL_BPM,
        le=HIGHEST_GOAL_BPM,
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


class SustainPhase(Phase, Texture, ChangeRates):
    """Music that stays at the tempo it has."""

    kind: Literal["sustain"]


class BreathePhase(Phase, Texture, ChangeRates):
    """Music that swells and ebbs at a slow rate of breathing, at the tempo it has.

    One of `breath_rate`, `share_of_own` and `assessed` says at which.
    """

    kind: Literal["breathe"]
    breath_rate: float | None = described(
        "breaths a minute",
        "a number from 4 to 10 per minute",
        default=None,
        ge=BREATH_RANGE_PER_MIN[0],
        le=BREATH_RANGE_PER_MIN[1],
    )
    share_of_own: float | None = described(
        "the rate as a share of the listener's own, as measured in the baseline, else when the phase begins",
        "a number from 0.5 to 1",
        default=None,
        ge=0.5,
        le=1,
    )
    assessed: bool = described(
        "true: the rate that the steps with `assess: true` before it found", "true or false", default=False
    )
    fallback_rate: float = described(
        "rate where the listener's own is not known, or no step could be judged",
        "a number from 4 to 10 per minute",
        default=6.0,
        ge=BREATH_RANGE_PER_MIN[0],
        le=BREATH_RANGE_PER_MIN[1],
    )
    breath_depth: float = described(
        "how deep the swells are; 1 is 4 dB from softest to loudest",
        "a number from 0.1 to 1",
        default=0.6,
        ge=0.1,
        le=1,
    )
    assess: bool = described(
        "true: a step of an assessment, whose rate is tried out", "true or false", default=False
    )


class Section(Phase, Texture, ChangeRates):
    """A part of an arc: the music moves to its tempo and texture, then stays there."""

    kind: ClassVar[str] = "arc"
    tempo_bpm: Tempo = described(
        "`hr`, a tempo relative to it (`hr*0.9`, `hr-5`, `hr+5`), or a number",
        "hr, hr*0.9, hr-5, hr+5 or a number from 30 to 140 bpm",
    )
    hr_lowest_bpm: MatchedBpm = _lowest(since=1)
    hr_highest_bpm: MatchedBpm = _highest(since=1)


class ArcPhase(ProtocolPart):
    """A course written section by section; the clock or a cue moves it on."""

    kind: Literal["arc"]
    name: Name = described(
        "its name, which no other phase or section has",
        "a name of small letters and digits, words joined by hyphens",
    )
    sections: tuple[Section, ...] = described("its parts, in order", "a list of sections")


class EngagePhase(Phase, Texture, ChangeRates):
    """Music to turn to, as in pain distraction: its energy is set by listener and therapist.

    Tempo and texture follow from energy; what is set here stays as set. Intensify and soften change energy
    by 0.1; physiology never lowers it.
    """

    kind: Literal["engage"]
    energy: float | None = described(
        "energy at its begin; where left out, that with which the engage phase before ended",
        "a number from 0 to 1",
        default=None,
        ge=0,
        le=1,
    )


class ReturnPhase(Phase, Texture, ChangeRates):
    """Music that moves gently to its tempo and texture over the whole phase: the way back to the room."""

    kind: Literal["return"]
    tempo_bpm: Tempo = described(
        "`hr`, a tempo relative to it (`hr*0.9`, `hr-5`, `hr+5`), or a number",
        "hr, hr*0.9, hr-5, hr+5 or a number from 30 to 140 bpm",
    )
    hr_lowest_bpm: MatchedBpm = _lowest(since=2)
    hr_highest_bpm: MatchedBpm = _highest(since=2)


PHASES: dict[str, type[ProtocolPart]] = {
    "settle": SettlePhase,
    "baseline": BaselinePhase,
    "match": MatchPhase,
    "lead": LeadPhase,
    "sustain": SustainPhase,
    "breathe": BreathePhase,
    "arc": ArcPhase,
    "engage": EngagePhase,
    "silence": SilencePhase,
    "return": ReturnPhase,
    "recovery": RecoveryPhase,
}
"""The kinds of phases by their names in files."""

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


def stretches(phase: AnyPhase) -> tuple[Stretch, ...]:
    """Return the phase itself, or the sections of an arc."""
    return phase.sections if isinstance(phase, ArcPhase) else (phase,)


ENERGY_RANGE = (0.0, 1.0)


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

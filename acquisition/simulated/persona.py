"""Personas of the virtual listener: ranges of parameters from which a person is drawn.

docs/listener.md lists the source of each range.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from acquisition.errors import SpecError

Range = tuple[float, float]


def _within(low: float, high: float) -> Any:
    """Return a field that is drawn from this range, unless a persona has a range of its own."""
    return field(metadata={"range": (low, high)})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerParameters:
    """Parameters of one listener, each with the range from which it is drawn.

    A range without a source is our convention.

    Attributes
    ----------
    resting_hr_bpm, hr_per_arousal_bpm : float
        Heart rate at rest, and its increase per unit of arousal.
    initial_arousal, recovery_s : float
        Arousal above rest at the beginning, and the time constant of its recovery without music (5–10 min).
    arousal_lag_s, arousal_sd : float
        Time constant with which arousal follows its drive (60–120 s); standard deviation of its fluctuation.
    music_delay_s : float
        Delay of the effect of music on arousal (5–20 s).
    tempo_slope : float
        Heart rate change per tempo change, % per %. Responders 0.02–0.08 (van Dyck 2017,
        doi 10.1177/1029864917700706: tempo drops of 30–45 % lowered heart rate, smaller ones did not).
    tempo_threshold : float
        Tempo change (natural logarithm of the ratio) below which a tenth of the slope acts; 20–30 %.
    texture_gain : float
        Arousal per unit of perceived texture: density, level and brightness.
    onset_gain : float
        Arousal pulse at the onset of music; 1–3 bpm of heart rate in total.
    mismatch_gain : float
        Arousal per unit by which the tempo differs from the heart rate by more than 30 %.
    novelty_gain : float
        Arousal pulse per unit of novelty.
    lf_depth, rsa_depth : float
        Modulation of the beat rate by the 0.1-Hz rhythm (0.01–0.04) and by breathing (0.02–0.06).
    breathing_hz : float
        At rest; 0.15–0.3 Hz.
    resting_scl_us : float
        Skin conductance level at rest.
    r_wave_mv : float
        Height of the R wave.
    breath_following : float
        Share of the time in which breathing follows swells of the music (inconsistent in people: Haas 1986,
        doi 10.1152/jappl.1986.61.3.1185).
    resonance_hz, resonance_gain : float
        Breathing rate with the largest respiratory sinus arrhythmia (4.5–6.5 per min: Vaschillo 2006,
        doi 10.1007/s10484-006-9009-3), and its relative increase there.
    scl_gain, scr_gain : float
        Factors on the change of skin conductance level with arousal, and on the size of responses.
    habituation_per_min : float
        Rate at which every effect of music declines per minute of music heard.
    startles_per_min, startle_arousal : float
        Rate of startles not caused by music, and the arousal that each adds at once.
    pain_arousal, pain_s : float
        Arousal added by pain, and its duration.
    """

    resting_hr_bpm: float = _within(60.0, 78.0)
    hr_per_arousal_bpm: float = _within(3.0, 5.0)
    initial_arousal: float = _within(1.1, 1.5)
    recovery_s: float = _within(300.0, 600.0)
    arousal_lag_s: float = _within(60.0, 120.0)
    arousal_sd: float = _within(0.08, 0.16)
    music_delay_s: float = _within(5.0, 20.0)
    tempo_slope: float = _within(0.0, 0.0)
    tempo_threshold: float = _within(0.22, 0.36)
    texture_gain: float = _within(0.0, 0.0)
    onset_gain: float = _within(0.8, 1.8)
    mismatch_gain: float = _within(0.5, 1.0)
    novelty_gain: float = _within(0.1, 0.3)
    lf_depth: float = _within(0.01, 0.04)
    rsa_depth: float = _within(0.02, 0.06)
    breathing_hz: float = _within(0.19, 0.27)
    resting_scl_us: float = _within(2.0, 11.0)
    r_wave_mv: float = _within(0.8, 1.4)
    breath_following: float = _within(0.0, 0.2)
    resonance_hz: float = _within(0.075, 0.108)
    resonance_gain: float = _within(1.2, 1.8)
    scl_gain: float = _within(1.0, 1.0)
    scr_gain: float = _within(1.0, 1.0)
    habituation_per_min: float = _within(0.0, 0.0)
    startles_per_min: float = _within(0.0, 0.0)
    startle_arousal: float = _within(1.5, 3.0)
    pain_arousal: float = _within(0.0, 0.0)
    pain_s: float = _within(60.0, 120.0)


class Persona:
    """A kind of listener: each is drawn uniformly and independently from ranges of parameters.

    Parameters
    ----------
    **own : (float, float)
        Ranges that differ from those in `ListenerParameters`.

    Attributes
    ----------
    ranges : mapping of str to (float, float)
        The range of each parameter.
    """

    def __init__(self, **own: Range) -> None:
        usual: dict[str, Range] = {one.name: one.metadata["range"] for one in fields(ListenerParameters)}
        self.ranges = usual | own

    def draw(self, rng: np.random.Generator) -> ListenerParameters:
        """Return one listener."""
        return ListenerParameters(**{name: float(rng.uniform(*span)) for name, span in self.ranges.items()})


_FOLLOWS: dict[str, Range] = {
    "tempo_slope": (0.04, 0.08),
    "texture_gain": (0.3, 0.6),
    "breath_following": (0.7, 1.0),
}

_DRY: dict[str, Range] = {"scl_gain": (0.0, 0.1), "scr_gain": (0.0, 0.02)}

_HABITUATES: dict[str, Range] = {"habituation_per_min": (0.15, 0.35)}

_STARTLES: dict[str, Range] = {"startles_per_min": (0.25, 0.6), "novelty_gain": (0.4, 0.8)}

_OPPOSITE: dict[str, Range] = {"tempo_slope": (-0.08, -0.04), "texture_gain": (-0.6, -0.3)}


@dataclass(frozen=True, slots=True)
class Population:
    """A mix of personas: each draw may be a different one. Shares without a source are our convention.

    Six in ten do not follow tempo (van Dyck 2017); the others do, by 0.02 to 0.08 % per %, and one in twenty
    responds in the opposite direction. Independently of this, one in ten has dry skin, one in five
    habituates, and one in twenty startles easily.
    """

    none: float = 0.6
    opposite: float = 0.05
    dry: float = 0.1
    habituating: float = 0.2
    startling: float = 0.05

    def draw(self, rng: np.random.Generator) -> ListenerParameters:
        """Return one listener."""
        tempo, skin, habit, nerve = rng.uniform(size=4)
        traits: dict[str, Range] = {"breath_following": (0.0, 1.0)}
        if tempo >= 1.0 - self.opposite:
            traits |= _OPPOSITE
        elif tempo >= self.none:
            traits |= {"tempo_slope": (0.02, 0.08), "texture_gain": (0.15, 0.6)}
        for drawn, share, trait in (
            (skin, self.dry, _DRY),
            (habit, self.habituating, _HABITUATES),
            (nerve, self.startling, _STARTLES),
        ):
            if drawn < share:
                traits |= trait
        return Persona(**traits).draw(rng)


PERSONAS: dict[str, Persona | Population] = {
    "responder": Persona(**_FOLLOWS),
    # The 60 % whose heart rate does not follow tempo; onsets and changes of music still have an effect.
    "nonresponder": Persona(),
    "paradoxical": Persona(**_OPPOSITE),
    "eda-nonresponder": Persona(**_FOLLOWS, **_DRY),
    "habituating": Persona(**_FOLLOWS, **_HABITUATES),
    "startle": Persona(**_FOLLOWS, **_STARTLES),
    "pain-event": Persona(**_FOLLOWS, pain_arousal=(1.5, 2.5)),
    "population": Population(),
}


def persona_named(name: str) -> Persona | Population:
    """Return a persona.

    Raises
    ------
    SpecError
        Naming the personas there are.
    """
    if name not in PERSONAS:
        raise SpecError(
            f"there is no persona {name!r}; there are {', '.join(PERSONAS)}, as in listener=virtual:responder"
        )
    return PERSONAS[name]

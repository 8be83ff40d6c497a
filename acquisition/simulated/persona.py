"""Personas of the virtual listener: ranges of parameters from which a person is drawn.

docs/listener.md lists the source of each range.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from acquisition.errors import SpecError

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Ranges from which one listener is drawn, uniformly and independently.

    A range without a source is our convention.

    Attributes
    ----------
    resting_hr_bpm, hr_per_arousal_bpm : range
        Heart rate at rest, and its increase per unit of arousal.
    initial_arousal, recovery_s : range
        Arousal above rest at the beginning, and the time constant of its recovery without music (5–10 min).
    arousal_lag_s, arousal_sd : range
        Time constant with which arousal follows its drive (60–120 s); standard deviation of its fluctuation.
    music_delay_s : range
        Delay of the effect of music on arousal (5–20 s).
    tempo_slope : range
        Heart rate change per tempo change, % per %. Responders 0.02–0.08 (van Dyck 2017,
        doi 10.1177/1029864917700706: tempo drops of 30–45 % lowered heart rate, smaller ones did not).
    tempo_threshold : range
        Tempo change (natural logarithm of the ratio) below which a tenth of the slope acts; 20–30 %.
    texture_gain : range
        Arousal per unit of perceived texture: density, level and brightness.
    onset_gain : range
        Arousal pulse at the onset of music; 1–3 bpm of heart rate in total.
    mismatch_gain : range
        Arousal per unit by which the tempo differs from the heart rate by more than 30 %.
    novelty_gain : range
        Arousal pulse per unit of novelty.
    lf_depth, rsa_depth : range
        Modulation of the beat rate by the 0.1-Hz rhythm (0.01–0.04) and by breathing (0.02–0.06).
    breathing_hz : range
        At rest; 0.15–0.3 Hz.
    resting_scl_us : range
        Skin conductance level at rest.
    r_wave_mv : range
        Height of the R wave.
    breath_following : range
        Share of the time in which breathing follows swells of the music (inconsistent in people: Haas 1986,
        doi 10.1152/jappl.1986.61.3.1185).
    resonance_hz, resonance_gain : range
        Breathing rate with the largest respiratory sinus arrhythmia (4.5–6.5 per min: Vaschillo 2006,
        doi 10.1007/s10484-006-9009-3), and its relative increase there.
    scl_gain, scr_gain : range
        Factors on the change of skin conductance level with arousal, and on the size of responses.
    habituation_per_min : range
        Rate at which every effect of music declines per minute of music heard.
    startles_per_min, startle_arousal : range
        Rate of startles not caused by music, and the arousal that each adds at once.
    pain_arousal, pain_s : range
        Arousal added by pain, and its duration.
    """

    resting_hr_bpm: Range = (60.0, 78.0)
    hr_per_arousal_bpm: Range = (3.0, 5.0)
    initial_arousal: Range = (1.1, 1.5)
    recovery_s: Range = (300.0, 600.0)
    arousal_lag_s: Range = (60.0, 120.0)
    arousal_sd: Range = (0.08, 0.16)
    music_delay_s: Range = (5.0, 20.0)
    tempo_slope: Range = (0.0, 0.0)
    tempo_threshold: Range = (0.22, 0.36)
    texture_gain: Range = (0.0, 0.0)
    onset_gain: Range = (0.8, 1.8)
    mismatch_gain: Range = (0.5, 1.0)
    novelty_gain: Range = (0.1, 0.3)
    lf_depth: Range = (0.01, 0.04)
    rsa_depth: Range = (0.02, 0.06)
    breathing_hz: Range = (0.19, 0.27)
    resting_scl_us: Range = (2.0, 11.0)
    r_wave_mv: Range = (0.8, 1.4)
    breath_following: Range = (0.0, 0.2)
    resonance_hz: Range = (0.075, 0.108)
    resonance_gain: Range = (1.2, 1.8)
    scl_gain: Range = (1.0, 1.0)
    scr_gain: Range = (1.0, 1.0)
    habituation_per_min: Range = (0.0, 0.0)
    startles_per_min: Range = (0.0, 0.0)
    startle_arousal: Range = (1.5, 3.0)
    pain_arousal: Range = (0.0, 0.0)
    pain_s: Range = (60.0, 120.0)

    def draw(self, rng: np.random.Generator) -> ListenerParameters:
        """Return one listener."""
        return ListenerParameters(
            **{field.name: float(rng.uniform(*getattr(self, field.name))) for field in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerParameters:
    """Parameters of one listener, drawn from the ranges of a `Persona`."""

    resting_hr_bpm: float
    hr_per_arousal_bpm: float
    initial_arousal: float
    recovery_s: float
    arousal_lag_s: float
    arousal_sd: float
    music_delay_s: float
    tempo_slope: float
    tempo_threshold: float
    texture_gain: float
    onset_gain: float
    mismatch_gain: float
    novelty_gain: float
    lf_depth: float
    rsa_depth: float
    breathing_hz: float
    resting_scl_us: float
    r_wave_mv: float
    breath_following: float
    resonance_hz: float
    resonance_gain: float
    scl_gain: float
    scr_gain: float
    habituation_per_min: float
    startles_per_min: float
    startle_arousal: float
    pain_arousal: float
    pain_s: float


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

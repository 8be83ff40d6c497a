"""Who a virtual listener can be: ranges of parameters, and one person drawn from them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from acquisition.errors import SpecError

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """Ranges from which one listener is drawn, uniformly and independently.

    Where no source is named the range is our convention.

    Attributes
    ----------
    resting_hr_bpm, hr_per_arousal_bpm : range
        Heart rate at rest, and how much a unit of arousal adds.
    initial_arousal, recovery_s : range
        Arousal above rest at the beginning and the time constant of its own way back (5–10 min).
    arousal_lag_s, arousal_sd : range
        Time constant of arousal behind what drives it (60–120 s); spontaneous fluctuation.
    music_delay_s : range
        How late music begins to act on arousal (5–20 s).
    tempo_slope : range
        Heart rate change per tempo change, % per %. Responders 0.02–0.08 (van Dyck 2017,
        doi 10.1177/1029864917700706: tempo drops of 30–45 % lowered heart rate, smaller ones did not).
    tempo_threshold : range
        Tempo change (natural logarithm of the ratio) below which a tenth of the slope acts; 20–30 %.
    texture_gain : range
        Arousal per unit of perceived texture: density, level and brightness.
    onset_gain : range
        Arousal pulse when music sets in; 1–3 bpm of heart rate in all.
    mismatch_gain : range
        Arousal per unit by which the tempo is further than 30 % from the own heart rate.
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

    def draw(self, rng: np.random.Generator) -> Listener:
        """Return one listener."""
        return Listener(
            **{field.name: float(rng.uniform(*getattr(self, field.name))) for field in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One listener: a number out of each range of a persona, see there."""

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


PERSONAS = {
    "responder": Persona(tempo_slope=(0.04, 0.08), texture_gain=(0.3, 0.6)),
    # The 60 % whose heart rate does not follow tempo; music setting in or changing still reaches them.
    "nonresponder": Persona(),
}


def persona_named(name: str) -> Persona:
    """Return a persona.

    Raises
    ------
    SpecError
        Naming those there are.
    """
    if name not in PERSONAS:
        raise SpecError(
            f"there is no persona {name!r}; there are {', '.join(PERSONAS)}, as in listener=virtual:responder"
        )
    return PERSONAS[name]

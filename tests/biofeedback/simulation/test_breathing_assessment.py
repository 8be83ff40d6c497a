"""The assessment of resonance on virtual listeners: found where it was put, withheld where nobody follows."""

from dataclasses import replace

import numpy as np
import pytest

from acquisition.simulated.autonomic_state import AutonomicState, ExternalEvents, MusicHistory
from acquisition.simulated.listener import Heart
from acquisition.simulated.persona import PERSONAS
from physiology.resonance import assess, paced_step
from physiology.state import Beat

RATES = (7.0, 6.5, 6.0, 5.5, 5.0, 4.5)
MUSIC = {
    "tempo_bpm": 60.0,
    "density": 0.15,
    "level_db": -3.0,
    "brightness": 0.3,
    "novelty": 0.0,
    "breath_depth": 0.8,
}
SILENT_S, STEP_S = 60, 120


def assessed(listener):
    """Assess a listener whose beats and breaths are known exactly: no sensors in between."""
    events = ExternalEvents(listener, pain_at_s=0.0, rng=np.random.default_rng(1))
    nerves = AutonomicState(listener, kappa=1.0, events=events, rng=np.random.default_rng(2))
    heart, memory = Heart(listener, rng=np.random.default_rng(3)), MusicHistory()
    times, breaths = [], []
    for number in range(SILENT_S + STEP_S * len(RATES)):
        step = (number - SILENT_S) // STEP_S
        memory.add(float(number), None if step < 0 else MUSIC | {"breath_rate": RATES[step]})
        second = nerves.step(memory)
        times += heart.beats(second).tolist()
        breaths.append(60 * second.breath_hz[1])
    log = [
        Beat(
            beat_id=number,
            r_time_s=time,
            rr_ms=1000 * interval,
            quality=1.0,
            corrected=False,
            known_at_s=time,
        )
        for number, (time, interval) in enumerate(zip(times, np.diff(times, prepend=np.nan), strict=True))
    ]
    begins = [SILENT_S + STEP_S * step for step in range(len(RATES))]
    return assess(
        [
            paced_step(
                log,
                rate_per_min=rate,
                begin_s=begin,
                end_s=begin + STEP_S,
                breathing_per_min=float(np.median(breaths[begin + STEP_S // 2 : begin + STEP_S])),
            )
            for rate, begin in zip(RATES, begins, strict=True)
        ]
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("resonance", [5.0, 5.5, 6.0])
def test_whoever_breathes_with_the_music_is_told_their_rate(seed, resonance):
    drawn = PERSONAS["responder"].draw(np.random.default_rng(seed))
    listener = replace(drawn, breath_following=1.0, resonance_hz=resonance / 60)
    found = assessed(listener)
    assert found.rate_per_min is not None, found.reason
    assert abs(found.rate_per_min - resonance) <= 0.5


@pytest.mark.parametrize("seed", range(4))
def test_whoever_breathes_on_is_told_none(seed):
    found = assessed(PERSONAS["nonresponder"].draw(np.random.default_rng(seed)))
    assert found.rate_per_min is None
    assert "steps can be judged" in found.reason

"""Steps of an assessment: told of somebody who breathed at the pace, withheld of somebody who did not."""

import numpy as np

from biofeedback.controller.breathing import Breathing
from physiology.state import Beat

RATES = (6.5, 6.0, 5.5)
STEP_S = 120


def beats_of(seconds, swing_bpm):
    """A heart that swings at 6 per min, whatever the pace, as hearts do by themselves."""
    times, t = [], 0.4
    while t < seconds:
        times.append(t)
        t += 60 / (66 + swing_bpm * np.sin(2 * np.pi * t / 10))
    return [
        Beat(beat_id=n, r_time_s=t, rr_ms=rr, quality=0.9, corrected=False, known_at_s=t)
        for n, (t, rr) in enumerate(zip(times, 1000 * np.diff(times, prepend=np.nan), strict=True))
    ]


def assessed(listening, breathing_at):
    breathing, log = Breathing(), beats_of(STEP_S * len(RATES), swing_bpm=5)
    assessment = None
    for number, rate in enumerate(RATES):
        begin, end = float(number * STEP_S), float((number + 1) * STEP_S)
        breathing.begin_step(begin)
        for t in np.arange(begin, end):
            # The rate looks back on a minute: at first it is still that of the step before.
            before = RATES[max(0, number - 1)]
            breathing.observe(listening(t, breathing=breathing_at(before if t < begin + 55 else rate)))
        breathing.accumulate(beat for beat in log if begin <= beat.r_time_s < end)
        assessment = breathing.end_step(end, rate)
    return assessment


def test_whoever_breathes_at_the_pace_is_told_where_the_heart_swings_most(listening):
    assert assessed(listening, lambda rate: rate).rate_per_min == 6.0


def test_the_own_rhythm_of_the_heart_is_not_taken_for_resonance(listening):
    found = assessed(listening, lambda _rate: 14.0)
    assert found.rate_per_min is None
    assert "the listener breathed 14.0 times per min, not 6.5" in found.reason


def test_without_a_breathing_rate_the_beats_alone_decide(listening):
    assert assessed(listening, lambda _rate: None).rate_per_min == 6.0

"""Several channels of one pulse: the best is listened to, in words, and kept."""

import numpy as np
import pytest

from physiology.pipeline import Physiology, SignalConfig
from physiology.state import BeatAction

LABELS = ("R", "G", "B")


def camera(synth, duration_s, faults):
    """Return three channels of 30 frames a second: the pulse inverted, drowned in noise now and then."""
    t = synth.seconds(duration_s, 30)
    beats = synth.beat_times(duration_s)
    rng = np.random.default_rng(8)
    channels = []
    for begin, end in faults:
        x = 100 - synth.ppg(t, beats)
        noisy = (t >= begin) & (t < end)
        x[noisy] += 5 * rng.standard_normal(noisy.sum())
        channels.append(x)
    return t, beats, np.stack(channels, axis=1)


def listen(t, samples, labels=LABELS):
    pipeline = Physiology([SignalConfig("ppg", 30, "a.u.", labels)])
    beats, states, choices, fed = [], [], [], 0
    for now in range(1, int(t[-1]) + 1):
        due = int(np.searchsorted(t, now, side="right"))
        pipeline.push("ppg", t[fed:due], samples[fed:due])
        fed = due
        update = pipeline.step(now)
        beats += update.beats
        states += update.states
        choices.append(choice.label if (choice := pipeline.choices().get("ppg")) else "")
    return beats, states, choices, pipeline


def test_the_channel_that_shows_the_pulse_is_chosen_and_said(synth):
    t, _, samples = camera(synth, 40, [(0, 99), (99, 99), (0, 99)])
    _, states, choices, pipeline = listen(t, samples)
    assert set(choices) == {"", "G"}
    choice = pipeline.choices()["ppg"]
    assert choice.scores["G"] == max(choice.scores.values())
    assert choice.text.startswith(f"G shows the pulse best ({choice.scores['G']:.2f}; R ")
    assert states[-1].hr_bpm.value == pytest.approx(66, abs=1.5)
    assert pipeline.reasons() == {}


def test_a_good_channel_is_kept_and_one_that_turns_bad_for_long_is_left(synth):
    t, _, samples = camera(synth, 70, [(99, 99), (26, 999), (16, 34)])
    samples[:, 0] = 0
    beats, states, choices, _ = listen(t, samples)
    changes = [a for a, b in zip(choices, ["", *choices], strict=False) if a != b]
    assert changes == ["G", "B"]
    assert choices.index("B") >= 26 + 15
    assert states[-1].hr_bpm.value == pytest.approx(66, abs=1.5)
    new = [b.beat_id for b in beats if b.action in (BeatAction.NEW, BeatAction.INSERTED)]
    assert len(set(new)) == len(new)
    assert {b.beat_id for b in beats} == set(new)


def test_nothing_is_said_where_no_channel_shows_a_pulse(synth):
    t, _, samples = camera(synth, 40, [(0, 99)] * 3)
    beats, states, choices, pipeline = listen(t, samples)
    assert beats == []
    assert set(choices) == {""}
    assert all(s.hr_bpm.value is None for s in states)
    assert pipeline.reasons() == {"ppg": "no channel shows a clear pulse yet"}


def test_one_channel_is_taken_as_it_is(synth):
    t, _, samples = camera(synth, 30, [(99, 99)])
    several, *_ = listen(t, samples, ("pulse",))
    alone, *_ = listen(t, samples[:, 0], ("",))
    assert several == alone
    assert len(several) > 20

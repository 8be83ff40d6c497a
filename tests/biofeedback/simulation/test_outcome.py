"""The figures of a simulated session, from recordings made by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from biofeedback.recording.reader import RecordedStream, Recording
from biofeedback.simulation.runs import outcome, traces
from protocols.schema import Protocol

BASELINE_S, MATCH_S, LEAD_S, SUSTAIN_S = 60, 60, 330, 60
LEAD_FROM_S = BASELINE_S + MATCH_S
END_S = LEAD_FROM_S + LEAD_S + SUSTAIN_S


def protocol(direction="down"):
    upward = {"direction": "up", "goal_bpm": 84} if direction == "up" else {"goal_bpm": 56}
    return Protocol.model_validate(
        {
            "id": "by-hand",
            "version": 1,
            "title": "By hand",
            "rationale": "for tests",
            "sources": ("our own convention",),
            "arm": "closed-loop",
            "cautions": ("none",),
            "phases": (
                {"kind": "baseline", "name": "baseline", "duration_s": BASELINE_S},
                {"kind": "match", "name": "match", "duration_s": MATCH_S, "layers": 3, "mode": "dorian"},
                {
                    "kind": "lead",
                    "name": "lead",
                    "duration_s": 480 if direction == "up" else LEAD_S,
                    **upward,
                },
                {"kind": "sustain", "name": "sustain", "duration_s": SUSTAIN_S},
            ),
        }
    )


def numbers(name, labels, times, columns):
    return RecordedStream(
        name=name,
        kind="Physiology",
        rate_hz=0.0,
        labels=tuple(labels),
        units=("",) * len(labels),
        times=np.asarray(times, dtype=float),
        samples=np.column_stack(np.broadcast_arrays(*columns, np.asarray(times)))[:, :-1].astype(float),
        texts=(),
        desc={},
    )


def objects(name, entries):
    return RecordedStream(
        name=name,
        kind="Markers",
        rate_hz=0.0,
        labels=("json",),
        units=("",),
        times=np.array([time for time, _ in entries], dtype=float),
        samples=np.empty((len(entries), 0)),
        texts=tuple(json.dumps(entry) for _, entry in entries),
        desc={},
    )


def recording(*, activation, terms=(), questions=()):
    seconds = np.arange(1.0, END_S + 1)
    edges = np.cumsum([0, BASELINE_S, MATCH_S, LEAD_S, SUSTAIN_S]).tolist()
    kinds = ("baseline", "match", "lead", "sustain")
    markers = [
        *((begin, {"type": "phase", "name": kind, "kind": kind, "event": "begin"}) for kind, begin in
          zip(kinds, edges, strict=False)),
        *((end, {"type": "phase", "name": kind, "kind": kind, "event": "end"}) for kind, end in
          zip(kinds, edges[1:], strict=True)),
        *((time, {"type": "question", "kind": "plateau"}) for time in questions),
    ]  # fmt: skip
    beats = np.arange(0.0, END_S, 0.8)
    decisions = [
        (5.0 * number, {"phase": "lead", "why": "", "terms": term}) for number, term in enumerate(terms)
    ]
    streams = (
        numbers(
            "features",
            ("hr_bpm", "activation", "breathing_rate", "scl_uS"),
            seconds,
            (75.0, activation(seconds), 14.0, 5.0),
        ),
        numbers(
            "beats",
            ("id", "r_time_s", "rr_ms", "quality", "corrected", "action"),
            beats + 0.4,
            (np.arange(beats.size), beats, 800.0, 0.9, 0.0, 0.0),
        ),
        numbers(
            "music", ("tempo_bpm", "sounding"), (0.0, 60.0, 300.0), ((60.0, 75.0, 64.0), (0.0, 1.0, 1.0))
        ),
        objects("decisions", decisions),
        objects("markers", sorted(markers, key=lambda pair: pair[0])),
    )
    return Recording(
        directory=Path("S"),
        meta={"t0_s": 0.0, "end": {"reason": "the protocol is complete"}},
        streams={stream.name: stream for stream in streams},
        complete=True,
    )


def falling(seconds):
    """No activation in the baseline, 0 while matching, then above for 110 s of the lead and below after."""
    after = np.where(seconds <= LEAD_FROM_S + 110, 0.5, -0.5)
    return np.where(seconds <= BASELINE_S, np.nan, np.where(seconds <= LEAD_FROM_S, 0.0, after))


def test_time_in_target_is_the_share_of_the_lead_at_or_below_the_reference():
    assert outcome(protocol(), recording(activation=falling)).in_target == pytest.approx(220 / 330, abs=0.01)


def test_upward_it_is_the_share_at_or_above():
    told = outcome(protocol("up"), recording(activation=falling))
    assert told.in_target == pytest.approx(110 / 330, abs=0.01)


def test_seconds_without_activation_count_neither_way():
    def gappy(seconds):
        return np.where((seconds > 150) & (seconds <= 230), np.nan, falling(seconds))

    assert outcome(protocol(), recording(activation=gappy)).in_target == pytest.approx(220 / 250, abs=0.01)


def test_without_a_reference_there_is_no_target():
    def late(seconds):
        return np.where(seconds <= LEAD_FROM_S - 20, np.nan, falling(seconds))

    assert outcome(protocol(), recording(activation=late)).in_target is None


def test_holds_steps_back_plateaus_and_limits_are_counted():
    following, holding = {"gate": "following", "step_backs": 0}, {"gate": "holding", "step_backs": 0}
    terms = [
        {"gate": None, "limited": True},
        following | {"limited": True},
        holding,
        holding,
        holding | {"step_backs": 1},
        following | {"step_backs": 1},
        holding | {"step_backs": 1},
        {"gate": "plateau", "step_backs": 2},
        # Somebody said to go on: the count begins anew.
        following | {"limited": True},
        holding,
        holding | {"step_backs": 1},
    ]
    told = outcome(protocol(), recording(activation=falling, terms=terms, questions=(35.0, 70.0)))
    assert (told.holds, told.step_backs, told.plateaus, told.limited) == (3, 3, 1, 3)
    assert told.questions == 2


def test_start_is_the_baseline_and_end_the_last_phase_with_music():
    told = outcome(protocol(), recording(activation=falling))
    assert (told.hr_start_bpm, told.hr_end_bpm) == pytest.approx((75.0, 75.0))
    assert told.hr_change_bpm == pytest.approx(0.0, abs=1e-9)
    assert told.activation_end == pytest.approx(-0.5)
    assert (told.goals_reached, told.goals) == (0, 0)
    assert told.ended == "the protocol is complete"


def test_traces_show_silence_as_nothing_and_where_the_lead_was_held():
    terms = [{"held": False}, {"held": True}, {"held": True}, {"held": False}]
    drawn = traces(recording(activation=falling, terms=terms))
    np.testing.assert_array_equal(drawn.tempo_bpm, [np.nan, 75.0, 64.0])
    assert drawn.held == ((5.0, 15.0),)
    assert [phase.name for phase in drawn.phases] == ["baseline", "match", "lead", "sustain"]

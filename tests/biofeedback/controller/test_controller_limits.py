"""Whatever the physiology, the commands and the rhythm of steps: limits hold, and the session ends."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofeedback.commands import COMMAND, Stop
from biofeedback.controller import Controller
from generator.state import RANGES
from physiology.state import PhysiologyState, Reading
from protocols import library, load, override

READINGS = st.builds(
    Reading,
    st.none() | st.floats(20, 240),
    st.floats(0, 1),
    st.none() | st.sampled_from([0.1, 2.0, 4.9, 6.0, 45.0]),
)
NONE = Reading(None, 0.0, None)
PHYSIOLOGY = st.none() | st.builds(
    PhysiologyState,
    t=st.just(0.0),
    hr_bpm=READINGS,
    rmssd_ms=st.just(NONE),
    scl_us=READINGS,
    scr_rate_per_min=st.just(NONE),
    phasic_auc=st.just(NONE),
    breathing_rate=st.just(NONE),
    activation=st.none() | st.sampled_from([-3.0, -0.1, 0.0, 0.15, 0.25, 0.5, 3.0]),
    activation_0_100=st.none(),
    confidence=st.sampled_from([0.0, 0.39, 0.4, 0.8, 1.0]),
    contributions=st.just({}),
)
STRETCHES = st.tuples(
    PHYSIOLOGY,
    st.floats(0.05, 200),  # for how long it lasts
    st.sampled_from(
        [0.05, 0.35, 1.0, 1.0, 1.7, 5.0, 12.3]
    ),  # and how often the controller is called meanwhile
    st.sampled_from([None, None, None, "resume"]),
)
PROTOCOLS = st.sampled_from(
    [
        *(load(name) for name in library()),
        override(load("isoprinciple-relaxation"), "lead.duration_s=281.25"),
        override(load("isoprinciple-relaxation"), "limits.tempo_percent_per_bar=0.2"),
        override(load("isoprinciple-relaxation"), "lead.mode=lydian"),
        override(override(load("u-arc"), "match.mode=phrygian"), "descend-1.mode=lydian"),
    ]
)


@given(protocol=PROTOCOLS, stretches=st.lists(STRETCHES, min_size=1, max_size=12), sigma=st.floats(0, 2))
@settings(max_examples=60, deadline=None)
def test_limits_hold_and_the_session_ends(protocol, stretches, sigma):
    decisions, controller = session(protocol, stretches, sigma)
    assert controller.ended
    assert controller.end_reason == "the protocol is complete"
    limits = protocol.limits
    asked = [(decision.t, decision.music) for decision in decisions]
    for sounding, group in itertools.groupby(asked, key=lambda pair: pair[1].sounding):
        if sounding:
            check_limits(list(group), limits)
    for decision in decisions:
        check_decision(decision)


@given(
    when=st.floats(0, 700),
    protocol=PROTOCOLS,
    stretches=st.lists(STRETCHES, min_size=1, max_size=4),
    command=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_it_ends_whenever_it_is_told_to(when, protocol, stretches, command):
    controller = Controller(protocol)
    t = 0.0
    physiology = stretches[0][0]
    while t < when:
        controller.step(t, physiology)
        t += 1.7
    if command:
        controller.step(t, physiology, [Stop()])
    else:
        controller.end(t, "input ended")
        controller.step(t, physiology)
    for _ in range(8):
        t += 5
        controller.step(t, physiology)
    assert controller.ended
    assert controller.phase == "end"


def session(protocol, stretches, sigma):
    controller = Controller(protocol)
    controller.calibrate(sigma)
    decisions, t = [], 0.0
    for physiology, lasts, every, command in itertools.cycle(stretches):
        commands = [COMMAND.validate_python({"name": command})] if command else []
        until = t + lasts
        while t <= until and not controller.ended:
            decisions += controller.step(t, physiology, commands).decisions
            commands = []
            t += every
        if controller.ended or t > 5000:
            return decisions, controller
    raise AssertionError


def check_limits(asked, limits):
    changed_at = asked[0][0]
    for (t0, a), (t1, b) in itertools.pairwise(asked):
        dt = min(t1 - t0, 5)
        assert abs(b.tempo_bpm - a.tempo_bpm) <= limits.tempo_bpm_per_min * dt / 60 + 1e-6
        assert abs(b.tempo_bpm / a.tempo_bpm - 1) <= limits.tempo_percent_per_bar / 100 + 1e-6
        assert abs(b.level_db - a.level_db) <= 0.2 * dt + 1e-6
        assert abs(b.mode - a.mode) < 0.3
        if b.mode != a.mode:
            assert t1 - changed_at >= limits.mode_seconds - 1e-6
            changed_at = t1
    for (t0, a), (t1, b) in itertools.combinations(asked[:: max(1, len(asked) // 40)], 2):
        assert abs(b.tempo_bpm - a.tempo_bpm) <= limits.tempo_bpm_per_min * (t1 - t0) / 60 + 1e-6


def check_decision(decision):
    assert decision.why
    assert "None" not in decision.why
    assert 0 <= decision.progress <= 1
    assert isinstance(decision.music.layers, int)
    for name, (low, high) in RANGES.items():
        assert low <= getattr(decision.music, name) <= high
    json.dumps(dict(decision.terms), allow_nan=False)
    if decision.phase == "lead":
        assert 42 <= decision.terms["goal"] <= 120


def test_a_protocol_of_one_silence_ends_too():
    data = load("u-arc").model_dump(by_alias=True, exclude_unset=True)
    data["phases"] = ({"kind": "silence", "name": "quiet", "duration_s": 30.0},)
    controller = Controller(type(load("u-arc")).model_validate(data))
    decisions = [d for n in range(20 * 31) for d in controller.step(n / 20, None).decisions]
    assert controller.ended
    assert [decision.t for decision in decisions] == pytest.approx([0, 5, 10, 15, 20, 25, 30])
    assert decisions[-1].why == "Ending: the protocol is complete."

"""Whatever the physiology, the commands and the rhythm of steps: limits hold, and the session ends."""

import itertools
import json
import math
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from biofeedback.commands import COMMAND, Extend, Resume, Stop
from biofeedback.controller import Controller
from biofeedback.controller.overrides import GLIDE_PER_S
from biofeedback.models import EndReason
from generator.state import RANGES, MusicState
from physiology.state import PhysiologyState, Reading
from protocols.fields import OVERRIDE_BPM_PER_MIN
from protocols.loading import library, load, override
from protocols.scales import SCALES

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
    breathing_rate=READINGS,
    activation=st.none() | st.sampled_from([-3.0, -0.1, 0.0, 0.15, 0.25, 0.5, 3.0]),
    activation_0_100=st.none(),
    confidence=st.sampled_from([0.0, 0.39, 0.4, 0.8, 1.0]),
    contributions=st.just({}),
)


def told(name, **args):
    return st.fixed_dictionaries({"name": st.just(name), **args})


OVERRIDES = st.one_of(
    *(
        told("override", field=st.just(name), value=st.floats(low, high))
        for name, (low, high) in RANGES.items()
        if name != "layers"
    ),
    told("override", field=st.just("layers"), value=st.sampled_from([1.0, 4.0, 8.0])),
    told("override", field=st.just("mode"), value=st.sampled_from([0.0, 0.4, 1.0])),
)
COMMANDS = st.one_of(
    st.sampled_from([{"name": name} for name in ("pause", "hold", "resume", "stay", "skip")]),
    st.sampled_from([{"name": name} for name in ("intensify", "soften", "intensify")]),
    OVERRIDES,
    told("release", field=st.sampled_from(["all", "tempo_bpm", "mode", "level_db", "layers"])),
    told("extend", seconds=st.sampled_from([10.0, 60.0])),
    told("cue", cue=st.sampled_from(["procedure-over", "ready", "none"])),
    told("rating", scale=st.sampled_from([*SCALES, "none"]), value=st.none() | st.floats(-1, 101)),
    told("marker", text=st.just("here"), at_s=st.none() | st.floats(0, 2000)),
).map(COMMAND.validate_python)
STRETCHES = st.tuples(
    PHYSIOLOGY,
    st.floats(0.05, 200),  # for how long it lasts
    st.sampled_from([0.35, 1.0, 1.7, 5.0, 12.3]),  # and how often the controller is called meanwhile
    st.lists(COMMANDS, max_size=3),
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
# A failing session is printed as it is: to shrink one of an hour takes longer than to read it.
THOROUGH = settings(
    max_examples=60,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(protocol=PROTOCOLS, stretches=st.lists(STRETCHES, min_size=1, max_size=10), sigma=st.floats(0, 2))
@THOROUGH
def test_limits_hold_and_the_session_ends(protocol, stretches, sigma):
    decisions, changes, controller = session(protocol, stretches, sigma)
    assert controller.ended
    assert controller.end_reason == "the protocol is complete"
    for sounding, group in itertools.groupby(decisions, key=lambda decision: decision.music.sounding):
        if sounding:
            check_limits(list(group), protocol.limits)
    for decision in decisions:
        check_decision(decision)
    for earlier, later in itertools.pairwise(decisions):
        check_accounted_for(earlier, later, changes)
    ending = [decision for decision in decisions if decision.phase == "end"]
    assert len({decision.music for decision in ending}) == 1  # it fades as it is
    if ending[0].music.sounding:
        assert controller.fade_s == protocol.end_fade_s


@given(
    when=st.floats(0, 700),
    protocol=PROTOCOLS,
    stretches=st.lists(STRETCHES, min_size=1, max_size=4),
    command=st.booleans(),
)
@THOROUGH
def test_it_ends_whenever_it_is_told_to(when, protocol, stretches, command):
    controller = Controller(protocol)
    t = 0.0
    around = itertools.cycle(stretches)
    while t < when:
        physiology, _, _, commands = next(around)
        controller.step(t, physiology, commands)
        t += 1.7
    before = controller.end_reason
    if command:
        controller.step(t, None, [Stop()])
    else:
        controller.end(EndReason.INPUT_ENDED)
        controller.step(t, None)
    for _ in range(8):
        t += 5
        controller.step(t, None)
    assert controller.ended
    assert controller.view().phase == "end"
    if before is None:
        assert controller.end_reason == ("it was stopped" if command else EndReason.INPUT_ENDED)


def session(protocol, stretches, sigma):
    """Run to the end: what is said goes on for a quarter of an hour, then everything is let go."""
    controller = Controller(protocol)
    controller.calibrate(sigma)
    decisions, changes, t = [], {}, 0.0
    longest_s = 20_000.0

    def step(t, physiology, commands):
        nonlocal longest_s
        outcome = controller.step(t, physiology, commands)
        for command, answer in zip(commands, outcome.answers, strict=True):
            if isinstance(command, Extend) and answer.accepted:
                longest_s += command.seconds
        decisions.extend(outcome.decisions)
        changes.update((change.t, change) for change in outcome.phase_changes)
        assert len(outcome.answers) == len(commands)
        for answer in outcome.answers:
            assert answer.text.endswith(".")
        check_standing(controller)

    for physiology, lasts, every, commands in itertools.cycle(stretches):
        until, waiting = t + lasts, commands
        while t <= until and not controller.ended:
            step(t, physiology, waiting)
            waiting = []
            t += every
        if controller.ended or t > 900:
            break
    step(t, None, [Resume()])
    while not controller.ended:
        t += 5.0
        assert t < longest_s
        step(t, stretches[0][0], [])
    return decisions, changes, controller


def check_standing(controller):
    """What a watcher is shown adds up."""
    view = controller.view()
    for one, other in itertools.pairwise(view.plan):
        assert math.isclose(other.start_s, one.start_s + one.duration_s, rel_tol=1e-6)
    assert 0 <= view.progress <= 1
    assert view.left_s >= 0
    assert all(ask.text and ask.choices for ask in view.asks)
    if controller.end_reason is None:
        assert view.phase in {phase.name for phase in view.plan}


def check_limits(decisions, limits):
    changed_at = decisions[0].t
    for before, after in itertools.pairwise(decisions):
        a, b = before.music, after.music
        dt = min(after.t - before.t, 5)
        hands = [each.terms[name] or "" for each in (before, after) for name in ("gliding", "in_hand")]
        by_hand = "tempo_bpm" in ", ".join(hands)
        most = max(OVERRIDE_BPM_PER_MIN, limits.tempo_bpm_per_min) if by_hand else limits.tempo_bpm_per_min
        assert abs(b.tempo_bpm - a.tempo_bpm) <= most * dt / 60 + 1e-6
        assert abs(b.tempo_bpm / a.tempo_bpm - 1) <= limits.tempo_percent_per_bar / 100 + 1e-6
        assert abs(b.level_db - a.level_db) <= 0.2 * dt + 1e-6
        assert abs(b.mode - a.mode) < 0.3
        if b.mode != a.mode:
            assert after.t - changed_at >= limits.mode_seconds - 1e-6
            changed_at = after.t
        for name in ("density", "register", "brightness", "articulation", "breath_depth"):
            if name in (after.terms["gliding"] or ""):
                assert abs(getattr(b, name) - getattr(a, name)) <= GLIDE_PER_S * dt + 1e-6


def check_decision(decision):
    assert decision.why.endswith(".")
    assert "None" not in decision.why
    assert "{" not in decision.why
    assert 0 <= decision.progress <= 1
    assert isinstance(decision.music.layers, int)
    for name, (low, high) in RANGES.items():
        assert low <= getattr(decision.music, name) <= high
    json.dumps(dict(decision.terms), allow_nan=False)
    if decision.phase == "lead":
        assert 42 <= decision.terms["goal"] <= 120
    if decision.terms["lifecycle"] == "held":
        assert not decision.music.sounding


def check_accounted_for(before, after, changes):
    """Every change of the music is one of those below, and the decision's terms say which."""
    changed = {
        each.name
        for each in fields(MusicState)
        if getattr(before.music, each.name) != getattr(after.music, each.name)
    }
    assert changed == set((after.terms["changed"] or "").split(", ")) - {""}
    if not changed or after.phase != before.phase or after.t in changes:
        return
    if any(before.terms[name] != after.terms[name] for name in ("lifecycle", "energy", "steps", "in_hand")):
        return  # a command, which is recorded
    gliding = set((before.terms["gliding"] or "").split(", "))
    if after.terms["lifecycle"] == "running":
        going = after.progress != before.progress or before.terms["waits_for"]
        if going or after.terms["wanted_bpm"] != before.terms["wanted_bpm"]:
            return  # the course goes on, or what the limits had kept back
    in_hand = set((after.terms["in_hand"] or "").split(", "))
    waited = set((before.terms["waits_for"] or "").split(", "))
    assert changed <= gliding | waited | in_hand


def test_a_protocol_of_one_silence_ends_too():
    data = load("u-arc").model_dump(by_alias=True, exclude_unset=True)
    data["phases"] = ({"kind": "silence", "name": "quiet", "duration_s": 30.0},)
    controller = Controller(type(load("u-arc")).model_validate(data))
    decisions = [d for n in range(20 * 31) for d in controller.step(n / 20, None).decisions]
    assert controller.ended
    assert [decision.t for decision in decisions] == pytest.approx([0, 5, 10, 15, 20, 25, 30])
    assert decisions[-1].why == "Ending: the protocol is complete."

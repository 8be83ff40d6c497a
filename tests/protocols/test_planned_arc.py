"""The built-in protocols, their plans, and the limits a plan keeps."""

import hashlib
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.state import MusicState
from protocols import loading
from protocols.course import minimum_jerk, planned_arc
from protocols.feasibility import lead_goal
from protocols.fields import Limits, RateLimiter, travel_s
from protocols.loading import library, load, override, parse
from protocols.schema import canonical_json, protocol_sha256

LIBRARY = [
    "breathing-three-quarters",
    "cognitive-stimulation",
    "comfort-listening",
    "isoprinciple-activation",
    "isoprinciple-relaxation",
    "isoprinciple-research",
    "open-loop-relaxation",
    "pain-distraction",
    "resonance-assessment",
    "resonance-breathing",
    "silence-control",
    "sleep-onset",
    "supportive-imagery",
    "u-arc",
]

EARLIER = {
    "cognitive-stimulation@1": "6aa4408f4ae908a4",
    "comfort-listening@1": "e4d240e4943476b4",
    "isoprinciple-relaxation@1": "2f7ffad810f881e4",
    "pain-distraction@1": "56fea97957c58c9d",
    "sleep-onset@1": "f04e00d30b22ac28",
    "supportive-imagery@1": "0b9f4357b5283b47",
    "u-arc@1": "cc7af9f6f8bda8ae",
}
"""Earlier versions in the library, with the beginnings of their fingerprints."""


def test_the_library_holds_protocols_with_their_reasons():
    assert library() == LIBRARY
    for name in library():
        protocol = load(name)
        assert protocol.id == name
        assert len(protocol.rationale) > 200
        assert protocol.sources
        assert protocol.arm == "silence" or any("epilepsy" in caution for caution in protocol.cautions)


def test_fingerprints_of_protocols_once_used_stay():
    """Taken when the language had version 1."""
    once_used = ("isoprinciple-relaxation@1", "open-loop-relaxation", "u-arc@1")
    assert [protocol_sha256(load(name))[:16] for name in once_used] == [
        "2f7ffad810f881e4",
        "7a30edc28d64820c",
        "cc7af9f6f8bda8ae",
    ]


def test_earlier_versions_of_the_library_stay_as_they_were():
    """With the fingerprints that these files had when they were the newest."""
    assert {path.name.removesuffix(".yaml") for path in loading.LIBRARY.iterdir() if "@" in path.name} == {
        *EARLIER
    }
    for reference, sha256 in EARLIER.items():
        name, _, version = reference.partition("@")
        earlier, newest = load(reference), load(name)
        assert (earlier.id, earlier.version) == (name, int(version))
        assert earlier.version < newest.version
        assert protocol_sha256(earlier)[:16] == sha256


def test_research_arms_have_no_form():
    """And neither has a protocol that does not say one."""
    formed = {name for name in library() if load(name).piece.form != "none"}
    assert formed == {reference.partition("@")[0] for reference in EARLIER}
    for name in [*EARLIER, *({*library()} - formed)]:
        piece = load(name).piece
        assert (piece.form, piece.tonal_plan, piece.metre) == ("none", "none", "4/4")


def test_what_later_versions_added_is_in_the_fingerprint_where_it_is_used():
    before = load("isoprinciple-relaxation@1")
    same = (
        "schema=2",
        "lead.direction=down",
        "lead.gate={}",
        "match.ratings=[]",
        "numbers_shown=true",
        "goals=[]",
        "piece.form=none",
        "piece.tonal_plan=none",
        "piece.metre=4/4",
    )
    assert {protocol_sha256(override(before, change)) for change in same} == {protocol_sha256(before)}
    other = (
        "lead.gating=clock",
        "lead.gate={hold_after_s: 20}",
        "match.until={cue: x}",
        "numbers_shown=false",
        "piece.form=gentle",
        "piece.metre=any",
    )
    changed = {protocol_sha256(override(before, change)) for change in other}
    assert len(changed | {protocol_sha256(before)}) == 1 + len(other)


def test_the_default_clinical_session_has_its_timeline():
    protocol = load("isoprinciple-relaxation")
    assert [(p.kind, p.duration_s) for p in protocol.phases] == [
        ("baseline", 120),
        ("match", 90),
        ("lead", 330),
        ("sustain", 60),
    ]
    assert protocol.duration_s == 600
    assert protocol.arm == "closed-loop"


def test_open_loop_differs_from_the_isoprinciple_in_its_arm_only():
    closed, opened = load("isoprinciple-relaxation@1"), load("open-loop-relaxation")
    assert opened.arm == "open-loop"
    for field in ("phases", "limits", "piece", "default_tempo_bpm", "end_fade_s"):
        assert getattr(opened, field) == getattr(closed, field)


def test_the_u_arc_is_where_its_table_says():
    points = planned_arc(load("u-arc"), hr_bpm=86)
    assert len(points) == 1200
    table = [  # until min:s, bpm, layers, level
        (140, (80, 95), (8, 12), (0, 0)),
        (300, (70, 80), (6, 6), (-2, -2)),
        (480, (60, 70), (4, 4), (-4, -4)),
        (840, (40, 60), (1, 3), (-8, -6)),
        (1020, (60, 70), (3, 4), (-5, -5)),
        (1200, (70, 80), (5, 6), (-3, -3)),
    ]
    for until, *ranges in table:
        music = points[until - 1].music
        for value, (low, high) in zip((music.tempo_bpm, music.layers, music.level_db), ranges, strict=True):
            assert low - 0.01 <= value <= high + 0.01, (until, value)


def test_a_plan_starts_at_the_heart_rate_and_keeps_to_the_limit():
    points = planned_arc(load("isoprinciple-relaxation"), hr_bpm=72)
    assert [point.t for point in points] == [float(n) for n in range(600)]
    assert not any(point.music.sounding for point in points[:120])
    assert points[120].music.tempo_bpm == points[209].music.tempo_bpm == 72
    # 0.85 × 72 = 61.2 lies above the goal of 56; 330 s at 3 bpm/min lead 8.8 bpm down
    assert points[-1].music.tempo_bpm == pytest.approx(72 - 3 * 5.5 / 1.875, abs=0.01)
    assert points[375].music.tempo_bpm == pytest.approx(72 - 8.8 / 2)


@pytest.mark.parametrize(("hr", "start"), [(None, 70), (40, 50), (130, 100), (64.5, 64.5)])
def test_a_plan_meets_what_it_can_meet(hr, start):
    assert planned_arc(load("isoprinciple-relaxation"), hr_bpm=hr)[150].music.tempo_bpm == start


def test_a_slow_heart_is_led_all_the_way():
    protocol = override(load("isoprinciple-relaxation"), "lead.goal_bpm=50")
    points = planned_arc(protocol, hr_bpm=52)
    assert points[-1].music.tempo_bpm == pytest.approx(0.85 * 52, abs=0.02)


@pytest.mark.parametrize(
    ("t0", "goal", "expected"),
    [(72, 56, 56), (60, 56, 51), (50, 56, 42.5), (50, 42, 42), (48, 56, 42), (100, 90, 85)],
)
def test_a_goal_lies_below_its_start(t0, goal, expected):
    assert lead_goal(t0, goal) == pytest.approx(expected)
    assert lead_goal(t0, goal) < t0


def test_minimum_jerk_is_smooth_and_fastest_half_way():
    assert [minimum_jerk(p) for p in (-1, 0, 0.5, 1, 2)] == [0, 0, 0.5, 1, 1]
    slopes = [(minimum_jerk(p + 1e-4) - minimum_jerk(p - 1e-4)) / 2e-4 for p in (0.001, 0.25, 0.5, 0.999)]
    assert slopes[0] == pytest.approx(0, abs=1e-3)
    assert slopes[2] == pytest.approx(1.875, abs=1e-6)
    assert max(slopes) == slopes[2]


def test_travel_takes_as_long_as_the_limits_say():
    assert travel_s(Limits(tempo_bpm_per_min=8), 90, 82) == 60
    assert travel_s(Limits(tempo_bpm_per_min=3), 60, 63) == 60
    # at 60 bpm a bar lasts 4 s: 1 % of the tempo per decision, below 8 bpm/min
    assert travel_s(Limits(tempo_bpm_per_min=8), 60, 59.4) == 5
    assert travel_s(Limits(tempo_bpm_per_min=8), 60, 58.8) == 15
    assert travel_s(Limits(), 60, 60) == 0


def test_the_hash_is_of_what_a_protocol_says_and_not_of_its_layout():
    protocol = load("isoprinciple-relaxation")
    text = canonical_json(protocol)
    assert protocol_sha256(protocol) == hashlib.sha256(text.encode()).hexdigest()
    data = json.loads(text)
    shuffled = dict(reversed(data.items()))
    # nulls are fields left out; a file leaves them out
    shuffled["phases"] = [{k: v for k, v in p.items() if v is not None} for p in data["phases"]]
    assert protocol_sha256(parse(json.dumps(shuffled, indent=4).encode(), "x.yaml")) == protocol_sha256(
        protocol
    )
    changed = override(protocol, "lead.density=0.21")
    assert protocol_sha256(changed) != protocol_sha256(protocol)
    assert len({protocol_sha256(load(name)) for name in library()}) == len(LIBRARY)


STATES = st.builds(
    MusicState,
    tempo_bpm=st.floats(30, 140),
    mode=st.sampled_from([0, 0.2, 0.4, 0.6, 0.8, 1.0]),
    level_db=st.floats(-18, 0),
    sounding=st.sampled_from([True, True, True, True, False]),
)


@given(
    wanted=st.lists(st.tuples(STATES, st.floats(0.05, 40)), min_size=2, max_size=40),
    bpm_per_min=st.sampled_from([1.0, 3.0, 8.0]),
    percent=st.sampled_from([0.3, 1.0]),
)
@settings(max_examples=150)
def test_whatever_is_wanted_the_limits_hold(wanted, bpm_per_min, percent):
    limiter = RateLimiter(Limits(tempo_bpm_per_min=bpm_per_min, tempo_percent_per_bar=percent))
    t, granted = 0.0, []
    for state, pause in wanted:
        t += pause
        granted.append((t, limiter.grant(t, state)))
    for sounding, group in itertools.groupby(granted, key=lambda pair: pair[1].sounding):
        if sounding:
            check_limits(list(group), bpm_per_min, percent, 30)


def check_limits(asked, bpm_per_min, percent, mode_s):
    changed_at = asked[0][0]
    for (t0, a), (t1, b) in itertools.pairwise(asked):
        dt = min(t1 - t0, 5)
        assert abs(b.tempo_bpm - a.tempo_bpm) <= bpm_per_min * dt / 60 + 1e-6
        assert abs(b.level_db - a.level_db) <= 0.2 * dt + 1e-6
        assert abs(b.mode - a.mode) < 0.3
        if b.mode != a.mode:
            assert t1 - changed_at >= mode_s - 1e-6
            changed_at = t1
    for index, ((t, heard), (until, _)) in enumerate(itertools.pairwise(asked)):
        # A bar that begins between two decisions sounds the first; the next bar begins up to a bar later.
        if until - t <= 5:
            within = [s for t2, s in asked[index + 1 :] if t2 <= until + 240 / heard.tempo_bpm - 0.1]
            for next_heard in within:
                assert abs(next_heard.tempo_bpm / heard.tempo_bpm - 1) <= percent / 100 + 1e-6


@pytest.mark.parametrize("name", LIBRARY)
@pytest.mark.parametrize("hr", [None, 61.3, 140])
def test_every_plan_keeps_the_limits(name, hr):
    protocol = load(name)
    limits = protocol.limits
    planned = [(p.t, p.music) for p in planned_arc(protocol, hr)]
    for sounding, group in itertools.groupby(planned, key=lambda pair: pair[1].sounding):
        if sounding:
            # The plan repeats each decision every second; the decisions themselves are 5 s apart.
            heard = list(group)[::5]
            check_limits(heard, limits.tempo_bpm_per_min, limits.tempo_percent_per_bar, limits.mode_seconds)


GUIDE = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text("utf-8")


def test_the_example_for_therapists_is_a_protocol():
    example = GUIDE.split("```yaml\n")[1].split("```")[0]
    points = planned_arc(parse(example.encode(), "example"), None)
    assert (points[300].music.tempo_bpm, points[-1].music.sounding) == (58, False)


def test_the_parts_shown_to_therapists_fit_into_a_protocol():
    whole, phase, goals = (part.split("```")[0] for part in GUIDE.split("```yaml\n")[1:])
    head = whole.split("phases:")[0]
    rest = "  - {kind: baseline, name: baseline, duration_s: 120}\n"
    after = "  - {kind: sustain, name: sustain, duration_s: 60}\n"
    protocol = parse(f"{head}{goals}phases:\n{rest}{phase}{after}".encode(), "example")
    assert [goal.measure for goal in protocol.goals] == ["hr_bpm", "rating:pain-nrs"]


def test_the_guide_knows_every_protocol_of_the_library_and_its_length():
    for name in library():
        row = next(line for line in GUIDE.splitlines() if line.startswith(f"| `{name}`"))
        assert f"{load(name).duration_s / 60:g} min" in row

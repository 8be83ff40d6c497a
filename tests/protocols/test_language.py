"""What the words of the language mean: tempi by the heart, energy, goals' phases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.state import RANGES
from protocols.fields import tempo_for
from protocols.loading import load, override, parse
from protocols.outline import GoalSpan, span_of
from protocols.phases import energetic

HEAD = "id: a\nversion: 1\ntitle: t\nrationale: r\nsources: [ours]\ncautions: [c]\narm: open-loop\n"


@pytest.mark.parametrize(
    ("written", "hr", "tempo"),
    [
        ("hr", 72, 72),
        ("hr*0.9", 70, 63),
        ("hr-5", 70, 65),
        ("hr+5", 70, 75),
        ("hr", 130, 100),
        ("hr*0.5", 80, 50),
        (66, 120, 66),
    ],
)
def test_a_tempo_relative_to_the_heart_rate_stays_within_its_bounds(written, hr, tempo):
    assert tempo_for(written, hr, 50, 100) == pytest.approx(tempo)


def test_a_tempo_is_kept_in_one_spelling():
    protocol = override(load("breathing-three-quarters"), "match.tempo_bpm=hr * 0.90")
    assert protocol.phases[1].tempo_bpm == "hr*0.9"
    assert protocol == load("breathing-three-quarters")


@given(energy=st.floats(0, 1), more=st.floats(0, 1))
def test_more_energy_is_never_less_music(energy, more):
    low, high = sorted((energy, more))
    for name in ("tempo_bpm", "density", "brightness", "articulation", "layers", "level_db"):
        assert RANGES[name][0] <= getattr(energetic(low), name) <= getattr(energetic(high), name)
        assert getattr(energetic(high), name) <= RANGES[name][1]


def test_an_earlier_name_of_a_nature_sound_stays_in_the_protocol():
    # So the fingerprint of a protocol that was used is the same as then.
    protocol = override(load("sleep-onset"), "piece.nature=water")
    assert protocol.piece.nature == "water"
    assert load("resonance-breathing").piece.nature == "water"


def test_a_goal_goes_from_the_baseline_to_the_last_music_unless_it_says_otherwise():
    protocol = parse(
        f"""{HEAD}
goals:
  - {{name: a, measure: hr_bpm, change: -3}}
  - {{name: b, measure: hr_bpm, change: -3, from: low, at: after}}
  - {{name: c, measure: "rating:pain-nrs", change: -1}}
phases:
  - {{kind: baseline, name: rest, duration_s: 60, ratings: [{{scale: pain-nrs, at: begin}}]}}
  - kind: arc
    name: way
    sections:
      - {{name: low, duration_s: 60, tempo_bpm: 60}}
      - {{name: up, duration_s: 60, tempo_bpm: 60, ratings: [{{scale: pain-nrs}}]}}
  - {{kind: recovery, name: after, duration_s: 60}}
""".encode(),
        "x.yaml",
    )
    assert [span_of(goal, protocol.stretches) for goal in protocol.goals] == [
        GoalSpan("rest", "up"),
        GoalSpan("low", "after"),
        GoalSpan("rest", "up"),
    ]


def test_an_assessment_takes_three_rates():
    steps = "".join(
        f"  - {{kind: breathe, name: {name}, duration_s: 90, breath_rate: {rate}, assess: true}}\n"
        for name, rate in (("a", 6), ("b", 5.5), ("c", 5))
    )
    found = "  - {kind: breathe, name: d, duration_s: 90, assessed: true}\n"
    protocol = parse(f"{HEAD}phases:\n{steps}{found}".encode(), "x.yaml")
    assert [phase.breath_rate for phase in protocol.phases] == [6, 5.5, 5, None]
    assert protocol.phases[3].fallback_rate == 6


def test_a_way_back_from_pain_distraction_reckons_with_the_energy_as_written():
    phases = (
        "  - {kind: engage, name: a, duration_s: 60, energy: 0.5}\n"
        "  - {kind: engage, name: b, duration_s: 60}\n"
        "  - {kind: return, name: c, duration_s: 400, tempo_bpm: 70}\n"
    )
    assert parse(f"{HEAD}phases:\n{phases}".encode(), "x.yaml").duration_s == 520

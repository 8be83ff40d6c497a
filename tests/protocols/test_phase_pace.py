"""A phase may have a pace of its own, in place of the protocol's limits."""

import pytest

from protocols.course import planned_arc
from protocols.errors import InvalidProtocolError
from protocols.loading import load, override, parse
from protocols.schema import protocol_sha256

TEXT = b"""
id: two-paces
version: 1
title: Two paces
rationale: A lead at its own pace after an arc at the protocol's.
sources: [our own convention]
cautions: [none known]
arm: open-loop
limits: {tempo_bpm_per_min: 8}
phases:
  - kind: arc
    name: down
    sections:
      - {name: fast, duration_s: 60, tempo_bpm: 80}
      - {name: slower, duration_s: 300, tempo_bpm: 70}
  - {kind: match, name: match, duration_s: 60, tempo_bpm: 70}
  - {kind: lead, name: lead, duration_s: 700, goal_bpm: 58, tempo_bpm_per_min: 2}
"""


def fastest(protocol, name):
    points = [point for point in planned_arc(protocol, 70.0) if point.phase == name]
    return max(
        abs(after.music.tempo_bpm - before.music.tempo_bpm) / (after.t - before.t) * 60
        for before, after in zip(points, points[5:], strict=False)  # a decision's five seconds apart
    )


def test_each_phase_goes_by_its_own_pace():
    protocol = parse(TEXT, "two-paces.yaml")
    assert 2 < fastest(protocol, "slower") <= 8 + 1e-6
    assert 1.5 < fastest(protocol, "lead") <= 2 + 1e-6


def test_without_one_the_protocol_s_limit_is_what_counts():
    with pytest.raises(InvalidProtocolError, match="8 bpm/min is too fast for a lead"):
        parse(TEXT.replace(b", tempo_bpm_per_min: 2", b""), "two-paces.yaml")


def test_a_lead_cannot_be_given_too_fast_a_pace():
    with pytest.raises(InvalidProtocolError, match=r"lead\.tempo_bpm_per_min: 4 bpm/min is too fast"):
        override(parse(TEXT, "two-paces.yaml"), "lead.tempo_bpm_per_min=4")


def test_a_lead_too_short_for_its_own_pace_is_refused():
    with pytest.raises(InvalidProtocolError, match=r"impossible lead: .* at 0\.5 bpm/min"):
        override(load("isoprinciple-relaxation"), "lead.tempo_bpm_per_min=0.5")


def test_a_pace_is_part_of_the_fingerprint_only_where_there_is_one():
    protocol = load("isoprinciple-relaxation")
    assert protocol_sha256(override(protocol, "lead.tempo_bpm_per_min=2.9")) != protocol_sha256(protocol)

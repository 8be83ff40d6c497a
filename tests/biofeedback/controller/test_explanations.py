"""Every sentence can be reached, and is made from values that are there."""

import math
from string import Formatter

import pytest

import biofeedback.controller.controller as module
from biofeedback.controller.explanations import Acceptance, Reason, Refusal, explain, explain_end
from biofeedback.models import QUESTIONS
from physiology.state import Beat
from protocols.loading import load, override


def test_every_sentence_names_its_values():
    sentences = [each.value for kind in (Reason, Acceptance, Refusal) for each in kind]
    for sentence in [*sentences, *QUESTIONS.values()]:
        assert all(name != "" for _, name, _, _ in Formatter().parse(sentence))


@pytest.fixture
def reasons(monkeypatch):
    """The reasons of the decisions that are made while a test runs."""
    seen = set()

    def spy(explaining):
        def explained(*args):
            message = explaining(*args)
            seen.add(message.what)
            return message

        return explained

    monkeypatch.setattr(module, "explain", spy(explain))
    monkeypatch.setattr(module, "explain_end", spy(explain_end))
    return seen


def test_every_decision_s_sentence_can_be_reached(reasons, play, listening):
    iso, up = "isoprinciple-relaxation", "isoprinciple-activation"
    start = next(p.start_s for p in play(up, until=1).plans[0.0] if p.kind == "lead")

    def at(when, until=1e9, **what):
        return lambda t: listening(t, **(what if when <= t < until else {}))

    def off(begin, end):
        return lambda t: None if begin <= t < end else listening(t)

    play(iso, [(300, "pause", {}), (310, "hold", {}), (315, "resume", {})])
    play(iso, [(20, "pause", {})], until=30)
    play(iso, [(60, "stop", {})])
    play(iso, [(300, "override", {"field": "density", "value": 0.9}), (310, "intensify", {})], until=320)
    play(iso, [], at(125, hr=90.0), until=215)
    play(iso, [], at(0, hr=120.0), until=130)
    play(override(load(iso), "match.tempo_bpm=hr*0.9"), [], until=140)
    play(override(load("resonance-breathing"), "arrive.tempo_bpm=74"), [])
    play(iso, [], at(0, hr=None, age=None), until=140)
    play(iso, [], at(300, activation=0.3))
    play(override(load(iso), "lead.duration_s=600"), [], at(250, activation=0.3))
    play(iso, [], at(300, activation=1.0), until=400)
    play(iso, [], at(0, 230, activation=None), until=230)
    play(iso, [], off(300, 390), until=400)
    play(iso, [], off(300, 340), until=345)
    play(iso, [], off(300, 325), until=330)
    play(override(load(iso), "lead.gating=clock"), until=300)
    play("open-loop-relaxation", until=300)
    play(override(load(up), "lead.duration_s=1200"), [], at(start + 60, activation=-3.0), until=start + 450)
    play("u-arc", until=400)
    cues = [(30, "cue", {"cue": "procedure-starts"}), (60, "cue", {"cue": "procedure-over"})]
    play("pain-distraction", cues)
    play("resonance-breathing")
    play("resonance-assessment")
    play("breathing-three-quarters", [], at(0, breathing=16.0))
    play("breathing-three-quarters")
    play("isoprinciple-research")
    for name in ("supportive-imagery", "silence-control"):
        play(name)
    for kind in ("settle", "silence", "recovery"):
        phase = {"kind": kind, "name": "quiet", "duration_s": 30.0}
        for until in ({}, {"until": {"cue": "ready"}}):
            data = load("silence-control").model_dump(by_alias=True, exclude_unset=True)
            data |= {"phases": (phase | until,), "goals": ()}
            play(type(load("silence-control")).model_validate(data))
    assert set(Reason) - reasons == {Reason.BREATHE_ASSESSED}  # reached below


class SwingingHeart:
    """Beats whose rate swings with breathing, most at one of the paces."""

    def __init__(self, pace_at, best):
        self._pace_at, self._best = pace_at, best
        self._r = self._n = 0

    def __call__(self, t):
        beats = []
        while self._r <= t:
            pace = self._pace_at(self._r)
            swing = 0.12 if pace == self._best else 0.04
            rr = 0.85 * (1 + swing * math.sin(2 * math.pi * pace / 60 * self._r))
            self._r += rr
            self._n += 1
            about = {"beat_id": self._n, "r_time_s": self._r, "known_at_s": self._r}
            beats.append(Beat(**about, rr_ms=rr * 1000, quality=0.9, corrected=False))
        return beats


def test_the_rate_that_an_assessment_finds_is_the_one_of_the_phase_after_it(play):
    protocol = load("resonance-assessment")
    rates = {p.name: p.breath_rate for p in protocol.phases if p.kind == "breathe"}
    steps = [p for p in play(protocol, until=1).plans[0.0] if rates.get(p.name)]

    def pace_at(t):
        return next((rates[p.name] for p in steps if p.start_s <= t < p.start_s + p.duration_s), 12.0)

    came = play(protocol, beats=SwingingHeart(pace_at, 6.0))
    assert came.assessments[-1].rate_per_min == 6.0
    after = [d for d in came.decisions.values() if d.phase == "breathe"]
    assert {d.music.breath_rate for d in after} == {6.0}
    assert "6.0 times per minute, the rate with the largest swing of the heart rate" in after[0].why
    unknown = play(protocol)
    after = [d for d in unknown.decisions.values() if d.phase == "breathe"]
    assert "because the assessment found no rate" in after[0].why

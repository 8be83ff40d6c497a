"""What each command does to a session, with the decisions, sentences and answers it brings."""

import itertools

import pytest

from biofeedback.commands import Command
from biofeedback.controller.explanations import Refusal
from biofeedback.controller.lifecycle import COMMANDS, EVENTS, STATES
from protocols.loading import load, override

ISO = "isoprinciple-relaxation"  # baseline 120, match 90, lead 330, sustain 60


def begins(came):
    return {name: t for t, event, name in came.changes if event == "begin"}


def moves(came, field, since, until):
    """The values of a field, decision by decision."""
    return [getattr(d.music, field) for t, d in sorted(came.decisions.items()) if since <= t <= until]


def test_the_table_says_what_every_command_does_in_every_state():
    names = {kind.model_fields["name"].default for kind in Command.__args__}
    assert set(COMMANDS) == names
    for outcomes in COMMANDS.values():
        assert set(outcomes) == set(STATES)
        for outcome in outcomes.values():
            assert isinstance(outcome, Refusal) or outcome in STATES
        assert isinstance(outcomes["ended"], Refusal)
    reachable, new = {"waiting"}, {"waiting"}
    while new:
        tables = [*COMMANDS.values(), *EVENTS.values()]
        new = {t[state] for t in tables for state in reachable & t.keys() if t[state] in STATES} - reachable
        reachable |= new
    assert reachable == set(STATES)


def test_a_pause_lets_the_music_go_on_and_the_course_wait(play):
    came = play(ISO, [(300, "pause", {}), (360, "resume", {})])
    paused = [d for t, d in came.decisions.items() if 300 <= t < 360]
    assert {d.music for d in paused} == {came.decisions[300.0].music}
    assert paused[0].music == came.decisions[295.0].music
    assert {d.progress for d in paused} == {paused[0].progress}
    assert {d.terms["lifecycle"] for d in paused} == {"paused"}
    assert paused[0].why == ("Paused: the music stays at 71.0 bpm; the phase lead waits for Resume.")
    assert begins(came)["sustain"] == 600
    plain = play(ISO)
    assert came.decisions[480.0].music.tempo_bpm == pytest.approx(
        plain.decisions[420.0].music.tempo_bpm, abs=0.05
    )
    assert came.answers == [
        (True, "The protocol waits; the music continues unchanged."),
        (True, "The protocol continues."),
    ]


def test_a_hold_is_silence_until_resume(play):
    came = play(ISO, [(300, "hold", {}), (330, "hold", {}), (340, "resume", {})])
    assert not any(d.music.sounding for t, d in came.decisions.items() if 300 <= t < 340)
    assert came.decisions[340.0].music.sounding
    plain = play(ISO, until=305)
    assert came.decisions[340.0].music.tempo_bpm == pytest.approx(plain.decisions[300.0].music.tempo_bpm)
    assert came.answers == [
        (True, "The protocol waits; the music fades to silence within 4 s."),
        (False, "The music is already held."),
        (True, "The protocol continues; the music rises over 10 s."),
    ]
    assert begins(came)["sustain"] == 580


def test_a_hold_may_become_a_pause(play):
    came = play(ISO, [(300, "hold", {}), (320, "pause", {})], until=400)
    assert came.decisions[320.0].music.sounding
    assert came.decisions[395.0].terms["lifecycle"] == "paused"


def test_resume_with_nothing_to_resume_changes_nothing(play):
    came = play(ISO, [(300, "resume", {})], until=400)
    assert came.answers == [(False, "There is nothing to resume.")]
    assert 300.0 in came.decisions  # it is due
    assert came.decisions[305.0].why == play(ISO, until=400).decisions[305.0].why


def test_skip_ends_the_phase_and_the_plan_moves_up(play):
    came = play(ISO, [(30, "skip", {}), (62, "skip", {})])
    assert begins(came) == {"baseline": 0, "match": 30, "lead": 62, "sustain": 392, "end": 452}
    assert came.answers[0] == (True, "The phase baseline ends now.")
    assert [(p.name, p.start_s, p.duration_s) for p in came.plans[100.0]] == [
        ("baseline", 0, 30), ("match", 30, 32), ("lead", 62, 330), ("sustain", 392, 60),
    ]  # fmt: skip


def test_skip_in_a_pause_moves_the_course_and_the_pause_lasts(play):
    came = play(ISO, [(300, "pause", {}), (310, "skip", {}), (330, "resume", {})])
    assert begins(came)["sustain"] == 310
    assert begins(came)["end"] == 390
    assert came.decisions[315.0].music == came.decisions[300.0].music


def test_skipping_the_last_phase_is_the_end(play):
    came = play(ISO, [(560, "skip", {})])
    assert begins(came)["end"] == 560
    assert came.controller.end_reason == "the protocol is complete"


def test_a_lead_that_is_extended_spreads_what_is_left(play):
    came = play(ISO, [(375, "extend", {"seconds": 165})])
    assert begins(came)["sustain"] == 705
    assert came.answers == [(True, "The phase lead is extended by 165 s; 330 s are left.")]
    assert came.decisions[375.0].progress == pytest.approx(0.5, abs=0.004)
    assert came.decisions[540.0].progress == pytest.approx(0.75, abs=0.004)
    assert came.decisions[700.0].progress == pytest.approx(1.0, abs=0.01)


def test_a_lead_that_was_held_does_not_hurry_when_extended(play, listening):
    def rises(t):
        return listening(t, activation=0.3 if 220 <= t < 500 else 0.0)

    came = play(ISO, [(510, "extend", {"seconds": 30})], rises)
    gained = came.decisions[565.0].progress - came.decisions[515.0].progress
    assert gained == pytest.approx(50 / 330)


def test_an_override_gets_there_within_its_limits_and_gives_back_the_same_way(play):
    came = play(
        ISO, [(300, "override", {"field": "tempo_bpm", "value": 80}), (450, "release", {"field": "all"})]
    )
    taken = moves(came, "tempo_bpm", 300, 445)
    plain = play(ISO)
    assert taken[0] == pytest.approx(plain.decisions[295.0].music.tempo_bpm + 8 * 5 / 60)
    for one, other in itertools.pairwise(taken):
        assert other - one <= 8 * 5 / 60 + 1e-9
        assert other / one - 1 <= 0.01 + 1e-9
    assert max(taken) == 80
    back = moves(came, "tempo_bpm", 450, 600)
    assert all(0 <= one - other <= 0.667 for one, other in itertools.pairwise(back))
    assert back[-1] == pytest.approx(plain.decisions[600.0].music.tempo_bpm)
    assert came.answers == [
        (True, "Set by hand: tempo 80.0 bpm; the music moves there within the limits."),
        (True, "Returned to the protocol: tempo; the music moves there within the limits."),
    ]
    assert came.decisions[320.0].why.endswith("; set by hand: tempo 80.0 bpm.")
    assert came.decisions[320.0].terms["in_hand"] == "tempo_bpm"
    assert came.decisions[460.0].terms["gliding"] == "tempo_bpm"
    # underneath the course has gone on as if nothing had been
    assert came.decisions[440.0].progress == plain.decisions[440.0].progress


def test_a_mode_goes_rung_by_rung_and_everything_else_glides(play):
    told = [("mode", 0.0), ("density", 1.0), ("layers", 8.0), ("level_db", -6.0)]
    came = play(ISO, [(140, "override", {"field": f, "value": v}) for f, v in told], until=209)
    modes = {t: d.music.mode for t, d in came.decisions.items() if t >= 120}
    assert [t for t in modes if t > 120 and modes[t] != modes[max(s for s in modes if s < t)]] == [
        150.0,
        180.0,
    ]
    density = moves(came, "density", 135, 205)
    assert all(b - a == pytest.approx(0.1) or b == 1.0 for a, b in itertools.pairwise(density))
    assert moves(came, "layers", 135, 160) == [4, 5, 6, 7, 8, 8]
    level = moves(came, "level_db", 135, 175)
    assert level[:3] == [0.0, -1.0, -2.0]
    assert level[-1] == -6.0


def test_overrides_stay_over_phases_and_silence_stays_silent(play):
    came = play(ISO, [(10, "override", {"field": "density", "value": 0.9})])
    assert not came.decisions[50.0].music.sounding
    assert {d.music.density for t, d in came.decisions.items() if t >= 120} == {0.9}
    assert came.controller.view().overrides == {"density": 0.9}


def test_steps_of_intensity_are_small_and_bounded(play):
    came = play(ISO, [*((130 + 5 * n, "intensify", {}) for n in range(4)), (160, "soften", {})], until=205)
    assert [text for _, text in came.answers] == [
        "Intensity is set to +1 of 3 steps.",
        "Intensity is set to +2 of 3 steps.",
        "Intensity is set to +3 of 3 steps.",
        "Intensity is already at +3 of 3 steps.",
        "Intensity is set to +2 of 3 steps.",
    ]
    density = moves(came, "density", 125, 165)
    assert [round(b - density[0], 6) for b in density] == [0, 0.06, 0.12, 0.18, 0.18, 0.18, 0.18, 0.12, 0.12]
    assert max(moves(came, "level_db", 120, 205)) == 0.0  # never above what was found comfortable
    assert came.decisions[150.0].why.endswith("; set by hand: +3 steps of intensity.")


def test_there_is_nothing_to_intensify_in_silence(play):
    came = play(
        ISO, [(30, "intensify", {}), (40, "release", {"field": "tempo_bpm"}), (50, "stay", {})], until=60
    )
    assert came.answers == [
        (False, "There is no music in the phase baseline."),
        (False, "None of this is set by hand."),
        (False, "No question waits for this answer."),
    ]


def test_ratings_are_answered_on_their_scale(play):
    came = play(
        "pain-distraction",
        [
            (20, "rating", {"scale": "pain-nrs", "value": 6}),
            (25, "rating", {"scale": "pain-nrs", "value": 12}),
            (26, "rating", {"scale": "mood", "value": 1}),
            (27, "rating", {"scale": "distress-nrs", "value": None}),
            (30, "rating", {"scale": "pain-nrs", "value": 5}),
        ],
        until=40,
    )
    assert came.asks[10.0] == ["rating", "rating"]
    assert came.asks[40.0] == []
    assert [(q.kind, q.about, q.phase, q.at) for q in came.questions] == [
        ("rating", "pain-nrs", "before", "begin"),
        ("rating", "distress-nrs", "before", "begin"),
    ]
    assert [rating.json() for rating in came.ratings] == [
        {"scale": "pain-nrs", "value": 6.0, "phase": "before", "at": "begin", "asked_s": 0.0},
        {"scale": "distress-nrs", "value": None, "phase": "before", "at": "begin", "asked_s": 0.0},
        {"scale": "pain-nrs", "value": 5.0, "phase": "before", "at": "", "asked_s": None},
    ]
    assert came.answers[1] == (False, "12 is not on the scale pain-nrs, which goes from 0 to 10.")
    assert came.answers[2][1].startswith("There is no scale mood; the scales are pain-nrs")


def test_pain_distraction_from_its_beginning_to_the_procedure_s_end(play, listening):
    """Energy is people's alone: a racing heart changes nothing."""
    came = play(
        "pain-distraction",
        [
            (60, "intensify", {}),
            (200, "cue", {"cue": "procedure-over"}),
            (300, "cue", {"cue": "procedure-starts"}),
            (400, "intensify", {}),
            (500, "soften", {}),
            (900, "cue", {"cue": "procedure-over"}),
            (930, "rating", {"scale": "pain-nrs", "value": 3}),
        ],
        lambda t: listening(t, hr=72 if t < 350 else 150, activation=3.0 if t > 350 else 0.0),
    )
    assert begins(came) == {"before": 0, "procedure": 300, "after": 900, "afterwards": 1260, "end": 1380}
    energies = {t: d.terms["energy"] for t, d in came.decisions.items()}
    assert [energies[t] for t in (0.0, 60.0, 300.0, 400.0, 500.0, 900.0)] == [0.5, 0.6, 0.6, 0.7, 0.6, 0.6]
    golden = [
        # t, bpm, density, level
        (0, 80.0, 0.5, -3.0),
        (60, 80.667, 0.6, -2.4),
        (120, 88.0, 0.6, -2.4),
        (400, 88.667, 0.7, -1.8),
        (480, 96.0, 0.7, -1.8),
        (600, 88.0, 0.6, -2.4),
        (1200, 88.0, 0.6, -2.4),
    ]
    for t, bpm, density, level in golden:
        music = came.decisions[float(t)].music
        assert music.tempo_bpm == pytest.approx(bpm, abs=0.01)
        assert music.density == pytest.approx(density)
        assert music.level_db == pytest.approx(level)
    assert came.answers == [
        (True, "Energy is set to 0.6."),
        (False, "The phase before does not wait for the cue procedure-over."),
        (True, "The cue procedure-starts ends the phase before."),
        (True, "Energy is set to 0.7."),
        (True, "Energy is set to 0.6."),
        (True, "The cue procedure-over ends the phase procedure."),
        (True, "The rating is recorded."),
    ]
    assert came.decisions[410.0].why == (
        "Engaging until the cue procedure-over, for at most 3490 s: people alone set the energy, now 0.7, so "
        "the music goes to 96.0 bpm, now 90.0."
    )
    assert came.decisions[0.0].terms["gate"] is None


def test_what_waits_for_a_cue_asks_before_it_ends_by_itself(play):
    came = play("pain-distraction", [(550, "extend", {"seconds": 60}), (610, "stay", {})], until=700)
    assert came.asks[539.0].count("cue") == 0
    assert came.asks[540.0].count("cue") == 1
    question = next(q for q in came.questions if q.kind == "cue")
    assert question.text == (
        "The phase before ends by itself in 60 s: has the cue procedure-starts come, or should the phase "
        "last longer?"
    )
    assert came.asks[551.0].count("cue") == 0
    assert came.asks[605.0].count("cue") == 1
    assert came.asks[620.0].count("cue") == 0
    assert begins(came)["procedure"] == 660


def test_the_plateau_is_asked_about_and_staying_is_an_answer(play, listening):
    def far(t):
        return listening(t, activation=1.0 if t >= 300 else 0.0)

    came = play(ISO, [(400, "stay", {})], far)
    assert came.asks[359.0] == []
    assert came.asks[360.0] == ["plateau"]
    assert came.asks[401.0] == []
    assert came.decisions[500.0].terms["gate"] == "plateau"
    assert came.asks[500.0] == []
    resumed = play(ISO, [(400, "resume", {})], far, until=460)
    assert resumed.answers == [(True, "The music adapts to the listener again.")]
    assert resumed.asks[405.0] == []
    assert resumed.decisions[410.0].terms["gate"] == "following"
    assert resumed.asks[460.0] == ["plateau"]  # it rose again


def test_a_signal_that_is_back_asks_for_resume(play, listening):
    def off(t):
        return None if 300 <= t < 390 else listening(t)

    came = play(ISO, [(350, "resume", {}), (420, "resume", {})], off, until=430)
    assert came.asks[385.0] == []
    assert came.asks[391.0] == ["resume"]
    assert came.asks[425.0] == []
    assert came.answers == [
        (False, "The signal is still lost; choose Resume once it is back."),
        (True, "The music adapts to the listener again."),
    ]


def test_a_lead_upward_is_held_when_activation_falls(play, listening):
    protocol = load("isoprinciple-activation")
    lead = next(p for p in protocol.phases if p.kind == "lead")
    start = sum(p.duration_s for p in protocol.phases[: protocol.phases.index(lead)])

    def falls(t):
        return listening(t, activation=-0.6 if t >= start + 60 else 0.0)

    came = play(protocol, [], falls, sigma=0.5, until=start + 300)
    golden = {
        60: "following", 70: "following", 75: "holding", 220: "holding",
    }  # fmt: skip
    for after, state in golden.items():
        assert came.decisions[start + after].terms["gate"] == state
    assert came.decisions[start + 75].why.startswith(
        "Holding: physiological activation went below -0.5 and is not yet back above -0.2"
    )
    assert came.decisions[start + 225].why.startswith(
        "Stepping back: physiological activation stayed below -0.2"
    )
    assert came.decisions[start + 30].terms["goal"] > came.decisions[start + 30].terms["t0"]
    far = play(protocol, [], lambda t: listening(t, activation=2.0 if t >= start + 60 else 0.0), sigma=0.5)
    assert far.decisions[start + 120].why.startswith(
        "Plateau: physiological activation was above +1.5 for 60 s"
    )


def test_breathing_at_three_quarters_of_the_own_rate(play, listening):
    came = play("breathing-three-quarters", [], lambda t: listening(t, breathing=16.0))
    breathing = [d for d in came.decisions.values() if d.why.startswith("Breathing")]
    assert {d.music.breath_rate for d in breathing} == {12.0}
    assert "75 % of the listener's own rate" in breathing[0].why
    unknown = play("breathing-three-quarters", [])
    breathing = [d for d in unknown.decisions.values() if d.why.startswith("Breathing")]
    assert {d.music.breath_rate for d in breathing} == {10.0}  # the protocol's fallback
    assert "because the listener's own rate is not known" in breathing[0].why


def test_a_lead_s_gate_is_the_protocol_s(play, listening):
    def rises(t):
        return listening(t, activation=0.3 if t >= 300 else 0.0)

    clock = play(override(load(ISO), "lead.gating=clock"), [], rises, until=500)
    assert "does not wait for the listener here" in clock.decisions[400.0].why
    assert clock.decisions[400.0].terms["gate"] is None
    data = load(ISO).model_dump(by_alias=True, exclude_unset=True)
    lead = data["phases"][2] | {"gate": {"hold_after_s": 40.0}}
    data["phases"] = (*data["phases"][:2], lead, *data["phases"][3:])
    patient = play(type(load(ISO)).model_validate(data), [], rises, until=500)
    assert min(t for t, d in patient.decisions.items() if d.terms["held"]) == 340

"""What the controller decides, and when, for listeners who do one thing each."""

import itertools
import json
from dataclasses import replace

import pytest

from biofeedback.commands import COMMAND
from biofeedback.controller import Controller
from biofeedback.controller.explanations import Acceptance, Reason, Refusal
from biofeedback.models import QUESTIONS, EndReason
from physiology.state import PhysiologyState, Reading
from protocols.course import planned_arc
from protocols.loading import load, override

NONE = Reading(None, 0.0, None)


def physiology(t, *, hr=72.0, quality=0.9, activation=0.0, confidence=0.8, age=0.5):
    return PhysiologyState(
        t=t,
        hr_bpm=Reading(hr, quality, age),
        rmssd_ms=NONE,
        scl_us=NONE,
        scr_rate_per_min=NONE,
        phasic_auc=NONE,
        breathing_rate=NONE,
        activation=activation,
        activation_0_100=None,
        confidence=confidence,
        contributions={},
    )


def run(listener=physiology, protocol="isoprinciple-relaxation", commands=None, sigma=0.0, rate_hz=4):
    """Step a whole session; return its decisions by time, its changes of phase, and the controller."""
    protocol = load(protocol) if isinstance(protocol, str) else protocol
    controller = Controller(protocol)
    controller.calibrate(sigma)
    decisions, changes, said = {}, [], dict(commands or {})
    for n in range(int((protocol.duration_s + 60) * rate_hz)):
        t = n / rate_hz
        step = controller.step(
            t, listener(t), [COMMAND.validate_python({"name": said.pop(t)})] if t in said else []
        )
        changes += step.phase_changes
        decisions |= {decision.t: decision for decision in step.decisions}
        if controller.ended:
            return decisions, changes, controller
    raise AssertionError("the session did not end")


def rises_at(when, by, until=1e9):
    return lambda t: physiology(t, activation=by if when <= t < until else 0.0)


def first(decisions, beginning):
    return min(t for t, decision in decisions.items() if decision.why.startswith(beginning))


def test_a_listener_who_follows_gets_the_planned_arc():
    decisions, _, controller = run(rate_hz=20)  # as in a session
    plan = {point.t: point for point in planned_arc(load("isoprinciple-relaxation"), 72.0)}
    for t, decision in decisions.items():
        if decision.phase == "end":
            continue
        assert decision.phase == plan[t].phase
        for field in ("tempo_bpm", "density", "level_db", "register", "brightness", "articulation"):
            assert getattr(decision.music, field) == pytest.approx(getattr(plan[t].music, field), abs=1e-9)
        assert decision.music.layers == plan[t].music.layers
        assert decision.music.mode == plan[t].music.mode
        assert decision.music.sounding == plan[t].music.sounding
    assert controller.end_reason == "the protocol is complete"


def test_decisions_of_a_listener_who_follows():
    decisions, _, _ = run()
    golden = [
        # t, phase, progress, bpm, mode, layers, level
        (0, "baseline", 0.0, None, None, None, None),
        (120, "match", 0.0, 72.0, 0.4, 4, 0.0),
        (205, "match", 0.944, 72.0, 0.4, 4, 0.0),
        (210, "lead", 0.0, 72.0, 0.4, 4, 0.0),
        (270, "lead", 0.182, 71.605, 0.4, 4, -0.18),
        (330, "lead", 0.364, 69.741, 0.6, 3, -1.027),
        (375, "lead", 0.5, 67.6, 0.6, 3, -2.0),
        (480, "lead", 0.818, 63.595, 0.8, 2, -3.82),
        (540, "sustain", 0.0, 63.2, 0.8, 2, -4.0),
        (600, "end", 0.0, 63.2, 0.8, 2, -4.0),
    ]
    for t, phase, progress, bpm, mode, layers, level in golden:
        decision = decisions[float(t)]
        assert (decision.phase, round(decision.progress, 3)) == (phase, progress)
        assert decision.music.sounding == (bpm is not None)
        if bpm is not None:
            assert decision.music.tempo_bpm == pytest.approx(bpm, abs=0.002)
            assert (decision.music.mode, decision.music.layers) == (mode, layers)
            assert decision.music.level_db == pytest.approx(level, abs=0.005)


def test_there_is_a_decision_every_five_seconds_and_at_each_phase():
    decisions, changes, _ = run()
    assert sorted(decisions) == [5.0 * n for n in range(124)]
    assert [(c.t, c.event, c.name, c.kind) for c in changes] == [
        (0, "begin", "baseline", "baseline"),
        (120, "end", "baseline", "baseline"),
        (120, "begin", "match", "match"),
        (210, "end", "match", "match"),
        (210, "begin", "lead", "lead"),
        (540, "end", "lead", "lead"),
        (540, "begin", "sustain", "sustain"),
        (600, "end", "sustain", "sustain"),
        (600, "begin", "end", "end"),
    ]


def test_decisions_keep_their_own_clock_where_phases_begin_in_between():
    protocol = override(load("isoprinciple-relaxation"), "match.duration_s=92.5")
    decisions, changes, _ = run(protocol=protocol)
    assert [c.t for c in changes if c.name == "lead"] == [212.5, 542.5]
    assert {210.0, 212.5, 215.0} <= set(decisions)
    assert decisions[215.0].progress == pytest.approx(2.5 / 330)


def test_the_session_may_begin_at_any_engine_time():
    controller = Controller(load("isoprinciple-relaxation"))
    shifted = [d for n in range(4000) for d in controller.step(1000.3 + n / 20, physiology(n / 20)).decisions]
    decisions, _, _ = run()
    for decision in shifted:
        twin = decisions[round(decision.t - 1000.3, 6)]
        assert (decision.why, decision.music) == (twin.why, twin.music)


def test_matching_follows_the_heart_at_the_limit():
    decisions, _, _ = run(lambda t: physiology(t, hr=72.0 if t < 150 else 90.0))
    assert decisions[145.0].music.tempo_bpm == 72
    assert decisions[150.0].music.tempo_bpm == 72.25
    assert decisions[205.0].music.tempo_bpm == 75
    assert decisions[205.0].terms["limited"] is True
    assert decisions[205.0].why == (
        "Matching: the heart rate is 90 per minute; the tempo moves toward 90.0 bpm, now 75.0, by at most 3 "
        "bpm per minute."
    )
    assert decisions[210.0].terms["t0"] == 75


@pytest.mark.parametrize(("hr", "tempo"), [(120.0, 100), (44.0, 50)])
def test_matching_stays_within_what_can_be_matched(hr, tempo):
    decisions, _, _ = run(lambda t: physiology(t, hr=hr))
    assert decisions[120.0].music.tempo_bpm == tempo
    assert f"a heart rate of {hr:.0f} per minute is outside" in decisions[120.0].why
    lead = decisions[215.0]
    assert lead.terms["goal"] < lead.terms["t0"] == tempo
    assert lead.terms["goal"] == pytest.approx(max(tempo * 0.85 if tempo == 50 else 0, tempo - 8.8))


def test_without_a_heart_rate_the_declared_tempo_waits():
    decisions, _, _ = run(lambda t: physiology(t, hr=None if t < 160 else 64.0, age=None))
    assert decisions[120.0].music.tempo_bpm == 70
    assert decisions[120.0].why == "Waiting: the heart rate is not known yet, so the music stays at 70.0 bpm."
    assert decisions[155.0].why.startswith("Waiting")
    assert decisions[160.0].music.tempo_bpm == 69.75  # never had it, so nothing was lost: no Resume


def test_a_lead_that_has_no_time_for_its_goal_says_so():
    decisions, _, _ = run()
    assert decisions[210.0].why == (
        "Leading toward 63.2 bpm instead of 56.0: at 3 bpm per minute the lead has no time to go further "
        "from 72.0 bpm."
    )
    assert decisions[210.0].terms["shortened"] is True
    slow, _, _ = run(lambda t: physiology(t, hr=55.0))
    assert slow[210.0].terms["goal"] == pytest.approx(0.85 * 55)
    assert slow[210.0].why.startswith("Leading down: physiological activation is +0.0")


def test_a_short_rise_is_watched_and_passes():
    decisions, _, _ = run(rises_at(300, 0.3, until=314))
    assert decisions[310.0].why.startswith(
        "Leading down: physiological activation is +0.3, above +0.2 for 10 s"
    )
    assert not any(decision.terms["held"] for decision in decisions.values())
    assert decisions[535.0].progress == pytest.approx(325 / 330)


def test_a_listener_who_does_not_follow_is_waited_for():
    decisions, _, _ = run(rises_at(300, 0.3))
    assert first(decisions, "Holding") == 315.0
    assert first(decisions, "Stepping back") == 465.0
    at_hold = 104 / 330  # 300 to 314 went on; the estimate at 315 holds
    assert decisions[315.0].progress == pytest.approx(at_hold)
    assert decisions[460.0].progress == pytest.approx(at_hold)
    assert decisions[465.0].progress == pytest.approx(0.75 * at_hold)
    assert decisions[535.0].progress == pytest.approx(0.75 * at_hold)
    held = decisions[320.0].music
    assert all(decisions[t].music == held for t in map(float, range(320, 465, 5)))
    assert held.tempo_bpm < decisions[535.0].music.tempo_bpm <= 72
    assert decisions[315.0].terms["held"] is True
    assert decisions[540.0].why == ("Sustaining at 71.2 bpm: the lead ended at 24 % of its progress.")
    assert decisions[595.0].music == decisions[540.0].music


def test_the_second_step_back_is_the_plateau():
    protocol = override(load("isoprinciple-relaxation"), "lead.duration_s=600")
    decisions, _, _ = run(rises_at(250, 0.3), protocol)
    assert first(decisions, "Holding") == 265.0
    assert first(decisions, "Stepping back") == 415.0
    assert first(decisions, "Plateau") == 565.0
    assert "after 2 steps back" in decisions[565.0].why
    assert decisions[565.0].progress == pytest.approx(54 / 600 * 0.75**2)
    assert decisions[805.0].terms["gate"] == "plateau"
    assert decisions[805.0].progress == decisions[565.0].progress


def test_far_above_for_a_minute_is_the_plateau_and_resume_ends_it():
    listener = rises_at(300, 1.0, until=400)
    decisions, _, _ = run(listener)
    assert first(decisions, "Holding") == 315.0
    assert first(decisions, "Plateau") == 360.0
    assert decisions[535.0].terms["gate"] == "plateau"
    resumed, _, _ = run(listener, commands={442.0: "resume"})
    assert resumed[440.0].terms["gate"] == "plateau"
    assert resumed[445.0].terms["gate"] == "following"
    assert resumed[445.0].progress == pytest.approx(resumed[440.0].progress + 4 / 330)


def test_it_goes_on_once_activation_has_fallen_far_enough():
    def listener(t):
        return physiology(t, activation=0.3 if 300 <= t < 340 else 0.15 if 340 <= t < 380 else 0.05)

    protocol = load("isoprinciple-relaxation")
    decisions, _, _ = run(lambda t: listener(t) if t >= 210 else physiology(t), protocol)
    assert decisions[375.0].terms["gate"] == "holding"  # below A_ref + σ is not enough
    assert decisions[380.0].terms["gate"] == "following"
    assert decisions[385.0].progress == pytest.approx(decisions[375.0].progress + 6 / 330)


def test_the_reference_is_the_median_of_the_last_minute_of_matching():
    def listener(t):
        return physiology(t, activation=2.0 if t <= 150 else 0.4 + 0.001 * (t - 180))

    decisions, _, _ = run(listener, sigma=0.5)
    assert decisions[210.0].terms["a_ref"] == pytest.approx(0.4 + 0.001 * 0.5)
    assert decisions[210.0].terms["sigma"] == 0.5


def test_sigma_has_a_floor():
    decisions, _, _ = run(sigma=0.05)
    assert decisions[210.0].terms["sigma"] == 0.2


def sensor_off(start, end):
    return lambda t: None if start <= t < end else physiology(t)


def test_a_sensor_off_for_25_seconds_freezes_and_goes_on_by_itself():
    decisions, _, _ = run(sensor_off(300, 325))
    states = {t: decisions[float(t)].terms["signal"] for t in (295, 300, 320, 325)}
    assert states == {295: "good", 300: "weak", 320: "weak", 325: "good"}
    assert decisions[320.0].why.startswith("Continuing as before")
    assert decisions[325.0].why.startswith("Adapting again")
    assert decisions[325.0].progress == pytest.approx(111 / 330)  # 321 to 324 stood still
    assert decisions[330.0].progress == pytest.approx(116 / 330)


def test_a_sensor_off_for_90_seconds_goes_on_by_plan_until_resume():
    decisions, _, _ = run(sensor_off(300, 390), commands={418.0: "resume"})
    states = {t: decisions[float(t)].terms["signal"] for t in (320, 325, 360, 365, 390, 415, 420)}
    assert states == {
        320: "weak", 325: "frozen", 360: "frozen", 365: "plan", 390: "plan", 415: "plan", 420: "good",
    }  # fmt: skip
    assert decisions[360.0].progress == pytest.approx(110 / 330)
    assert decisions[365.0].progress == pytest.approx(115 / 330)
    assert decisions[355.0].music == decisions[360.0].music
    assert "until someone chooses Resume" in decisions[390.0].why
    assert decisions[415.0].terms["needs_resume"] is True
    assert decisions[420.0].terms["needs_resume"] is False
    tempi = [decisions[float(t)].music.tempo_bpm for t in range(300, 540, 5)]
    assert all(0 <= before - after <= 0.25 for before, after in itertools.pairwise(tempi))


def test_without_resume_the_plan_lasts():
    decisions, _, _ = run(sensor_off(300, 390))
    assert {d.terms["signal"] for t, d in decisions.items() if 365 <= t < 540} == {"plan"}
    rising = run(lambda t: None if 300 <= t < 390 else rises_at(400, 2.0)(t))[0]
    assert not any(decision.terms["held"] for decision in rising.values())


def test_a_signal_lost_between_30_and_60_seconds_stays_frozen_before_it_is_on_plan():
    decisions, _, _ = run(sensor_off(300, 340))
    assert decisions[340.0].terms["signal"] == "frozen"
    assert "choose Resume to adapt to it again" in decisions[345.0].why
    assert decisions[365.0].terms["signal"] == "plan"


def test_a_weak_signal_that_is_not_lost_needs_no_resume():
    decisions, _, _ = run(lambda t: physiology(t, confidence=0.3 if 300 <= t < 390 else 0.8))
    assert decisions[385.0].terms["signal"] == "plan"
    assert decisions[390.0].terms["signal"] == "good"
    assert decisions[390.0].why.startswith("Adapting again")


def test_old_samples_are_a_lost_signal_however_confident():
    decisions, _, _ = run(
        lambda t: physiology(t, age=max(0.5, min(t, 390) - 300)) if t < 390 else physiology(t)
    )
    assert decisions[300.0].terms["signal"] == "good"
    assert decisions[330.0].terms["signal"] == "frozen"
    assert decisions[390.0].terms["needs_resume"] is True


def test_with_no_physiology_at_all_the_session_is_the_plan_of_the_declared_tempo():
    decisions, _, _ = run(lambda _: None)
    plan = {point.t: point for point in planned_arc(load("isoprinciple-relaxation"), None)}
    for t in (120.0, 210.0, 300.0, 450.0, 595.0):
        assert decisions[t].music.tempo_bpm == pytest.approx(plan[t].music.tempo_bpm)
    assert decisions[300.0].why.startswith("On plan")


def test_without_a_reference_the_lead_goes_by_the_clock_until_it_has_one():
    decisions, _, _ = run(lambda t: physiology(t, activation=None if t < 230 else 0.0))
    assert decisions[225.0].terms["gate"] is None
    assert decisions[250.0].why.startswith("On plan: too little activation was measured")
    assert decisions[260.0].terms["a_ref"] == 0.0
    assert decisions[260.0].terms["gate"] == "following"


def test_the_open_loop_takes_the_heart_rate_once_and_waits_for_nobody():
    decisions, _, _ = run(
        lambda t: physiology(t, hr=80.0 if t < 130 else 95.0, activation=3.0 if t > 220 else 0.0),
        "open-loop-relaxation",
    )
    plan = {point.t: point for point in planned_arc(load("open-loop-relaxation"), 80.0)}
    for t in (120.0, 205.0, 300.0, 450.0, 595.0):
        assert decisions[t].music.tempo_bpm == pytest.approx(plan[t].music.tempo_bpm)
    assert "open-loop arm" in decisions[300.0].why
    unknown, _, _ = run(lambda _: None, "open-loop-relaxation")
    assert unknown[120.0].music.tempo_bpm == 70


def test_an_arc_goes_section_by_section():
    decisions, changes, _ = run(lambda t: None if t < 20 else physiology(t, hr=88.0), "u-arc")
    begun = [(c.t, c.name, c.kind) for c in changes if c.event == "begin"]
    assert begun == [
        (0, "match", "arc"), (140, "descend-1", "arc"), (300, "descend-2", "arc"), (480, "trough", "arc"),
        (840, "ascend", "arc"), (1020, "return", "arc"), (1200, "end", "end"),
    ]  # fmt: skip
    assert decisions[0.0].music.tempo_bpm == 84
    assert decisions[120.0].music.tempo_bpm == 88
    assert decisions[700.0].why == "Staying: trough stays at 50.0 bpm for another 140 s."
    assert decisions[150.0].why == "Travelling: descend-1 goes to 76.0 bpm, now 86.0."


@pytest.mark.parametrize("when", [60.0, 150.0, 300.0, 580.0])
def test_stop_leads_to_the_end_at_once(when):
    decisions, changes, controller = run(commands={when: "stop"})
    assert [(c.t, c.event, c.name) for c in changes[-1:]] == [(when, "begin", "end")]
    assert controller.end_reason == "it was stopped"
    sounding = when >= 120
    assert decisions[when].music.sounding == sounding
    assert decisions[when].why == (
        "Ending: it was stopped; the music fades out over 20 s." if sounding else "Ending: it was stopped."
    )
    assert max(decisions) == (when + 15 if sounding else when)
    assert controller.view().phase == "end"


def test_the_input_s_end_is_the_session_s():
    controller = Controller(load("isoprinciple-relaxation"))
    for n in range(20 * 250):
        controller.step(n / 20, physiology(n / 20))
    controller.end(EndReason.INPUT_ENDED)
    step = controller.step(250.0, None)
    assert [(c.name, c.event) for c in step.phase_changes] == [("lead", "end"), ("end", "begin")]
    assert step.decisions[0].why == "Ending: input ended; the music fades out over 20 s."
    assert not controller.ended
    controller.step(270.0, None)
    assert controller.ended
    assert controller.step(275.0, None).decisions == ()


def test_every_sentence_is_plain():
    for sentence in [each.value for kind in (Reason, Acceptance, Refusal) for each in kind]:
        assert sentence.endswith(".")
        assert sentence.count(". ") == 0
        assert "emotion" not in sentence
    assert all("emotion" not in question for question in QUESTIONS.values())
    decisions, _, _ = run(rises_at(300, 0.3))
    for decision in decisions.values():
        assert "None" not in decision.why
        assert "{" not in decision.why
        json.dumps(dict(decision.terms), allow_nan=False)


def test_a_pause_keeps_the_tempo_and_the_music_returns_free_of_limits():
    base = load("isoprinciple-relaxation").model_dump(by_alias=True, exclude_unset=True)
    match = base["phases"][1]
    pause = {"kind": "silence", "name": "pause", "duration_s": 30.0}
    base["phases"] = (*base["phases"][:2], pause, match | {"name": "again", "density": 0.1, "mode": 1.0})
    protocol = type(load("u-arc")).model_validate(base)
    decisions, _, _ = run(lambda t: physiology(t, hr=60.0 if t < 220 else 90.0), protocol)
    assert decisions[225.0].music == replace(decisions[205.0].music, sounding=False)
    assert decisions[225.0].why == "Silence: the protocol asks for a pause for another 15 s."
    music = decisions[240.0].music
    assert (music.tempo_bpm, music.density, music.mode) == (90, 0.1, 1.0)


def test_what_is_said_while_the_sensor_is_off_for_25_seconds():
    said = run(sensor_off(302, 327))[0]
    assert said[310.0].why == "Continuing as before at 70.5 bpm: the signal is too weak to trust."
    assert said[325.0].why == ("Holding at 70.1 bpm: the signal has been too weak to trust for 23 s.")
    assert said[330.0].why == (
        "Adapting again: the signal can be trusted; the music continues from 69.9 bpm."
    )


def test_what_is_said_while_the_sensor_is_off_for_90_seconds():
    said = run(sensor_off(302, 392), commands={410.0: "resume"})[0]
    assert said[360.0].why == ("Holding at 70.1 bpm: the signal has been too weak to trust for 58 s.")
    assert said[365.0].why == (
        "On plan: the signal has been too weak to trust for 63 s, so the music follows the planned arc by "
        "the clock, now 70.0 bpm."
    )
    assert said[395.0].why == (
        "On plan: the signal is back after a loss, but the music follows the clock, now 68.6 bpm, until "
        "someone chooses Resume."
    )
    assert said[410.0].why == (
        "Adapting again: the signal can be trusted; the music continues from 67.8 bpm."
    )

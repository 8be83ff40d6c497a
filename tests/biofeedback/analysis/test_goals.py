"""Goals: reached, not reached, or not to be told, from what the recording holds and nothing else."""

from dataclasses import replace

import pytest

from biofeedback.analysis.goals import REST_TOO, evaluate, recorded_goals
from biofeedback.analysis.measures import phase_table
from biofeedback.analysis.ratings_commands import commands, ratings
from biofeedback.analysis.session_log import session_log
from biofeedback.analysis.summary import session_summary
from biofeedback.report.page import render
from protocols.schema import Protocol

CALM = {"name": "slower heart", "measure": "hr_bpm", "change": -3}
PAIN = {"name": "less pain", "measure": "rating:pain-nrs", "change": -2}
ASKS = [{"scale": "pain-nrs", "at": "begin"}, {"scale": "pain-nrs", "at": "end"}]


def protocol(*goals, asks=()):
    texture = {"layers": 3, "mode": "dorian", "density": 0.4}
    return Protocol.model_validate(
        {
            "id": "with-goals",
            "version": 1,
            "title": "With goals",
            "rationale": "for tests",
            "sources": ("our own convention",),
            "arm": "open-loop",
            "cautions": ("none",),
            "goals": tuple(goals),
            "phases": (
                {"kind": "baseline", "name": "baseline", "duration_s": 120},
                {"kind": "match", "name": "match", "duration_s": 90, **texture},
                {"kind": "lead", "name": "lead", "duration_s": 330, "goal_bpm": 56},
                {"kind": "sustain", "name": "sustain", "duration_s": 60, "ratings": tuple(asks)},
            ),
        }
    )


def only(recording, goal, **options):
    (result,) = evaluate(protocol(goal, **options), recording)
    return result


def test_a_goal_is_reached_where_the_change_is_at_least_as_large(session):
    result = only(session, CALM)
    table = {row.phase.name: row for row in phase_table(session)}
    assert result.outcome == "reached"
    assert result.before.value == table["baseline"]["hr"].number
    assert result.after.value == table["sustain"]["hr"].number
    assert result.change == pytest.approx(result.after.value - result.before.value)
    assert (result.before.phase, result.after.phase) == ("baseline", "sustain")
    assert 100 < result.before.window_s <= 120
    assert result.after.usable_share > 0.9
    assert result.sentence.startswith("“slower heart” was reached: heart rate 7")
    assert "a fall of 3 bpm or more was asked for" in result.sentence


@pytest.mark.parametrize(("change", "outcome"), [(-20, "not reached"), (3, "not reached"), (-1, "reached")])
def test_size_and_direction_of_the_change_matter(session, change, outcome):
    assert only(session, CALM | {"change": change}).outcome == outcome


@pytest.mark.parametrize(
    ("measure", "unit"),
    [
        ("rmssd_ms", "ms"),
        ("breathing_rate", "per min"),
        ("scl_uS", "µS"),
        ("scr_rate_per_min", "per min"),
        ("activation", "z"),
    ],
)
def test_every_measure_can_be_a_goal(session, measure, unit):
    goal = {"name": "it moves", "measure": measure, "change": -0.001, "from": "match"}
    result = only(session, goal)
    assert result.measure[1] == unit
    assert result.outcome in {"reached", "not reached"}
    assert (result.outcome == "reached") == (result.change <= -0.001)


def test_activation_in_the_baseline_is_0_by_definition(session):
    result = only(session, {"name": "calmer", "measure": "activation", "change": -0.1})
    assert result.before.value == 0.0
    assert result.before.window_s is None
    assert result.change == result.after.value


def test_without_valid_signal_it_cannot_be_told(session):
    streams = {name: stream for name, stream in session.streams.items() if name != "beats"}
    result = only(replace(session, streams=streams), CALM)
    assert result.outcome == "cannot be told"
    assert result.change is None
    assert "no beats were found" in result.sentence


def test_with_less_than_half_of_a_phase_it_cannot_be_told(session):
    beats = session.streams["beats"]

    def outcome_without(begin_s, end_s):
        lost = (beats.times >= session.t0_s + begin_s) & (beats.times < session.t0_s + end_s)
        fewer = replace(beats, times=beats.times[~lost], samples=beats.samples[~lost])
        told = replace(session, streams={**session.streams, "beats": fewer})
        return only(told, CALM | {"at": "match"})

    enough = outcome_without(130.0, 170.0)
    assert enough.outcome == "not reached"
    assert enough.after.window_s == pytest.approx(50, abs=3)
    assert enough.after.usable_share == pytest.approx(50 / 90, abs=0.03)

    too_little = outcome_without(130.0, 180.0)
    assert too_little.after.window_s > 30
    assert too_little.outcome == "cannot be told"
    assert "% of “match” is usable; 50 % are needed" in too_little.sentence


def test_a_phase_that_never_came_cannot_be_compared(session, make):
    result = only(make.cut(session, 300.0), CALM)
    assert result.outcome == "cannot be told"
    assert "“sustain” did not take place" in result.sentence


@pytest.fixture
def rated(session, make):
    """The session with questions answered, declined and left open, and an answer nobody asked for."""
    asked = {"type": "question", "kind": "rating", "phase": "sustain"}
    markers = [
        *zip(session.streams["markers"].times - session.t0_s, session.streams["markers"].json(), strict=True),
        (540.0, {**asked, "about": "pain-nrs", "at": "begin"}),
        (541.0, {**asked, "about": "relaxation-vas", "at": "begin"}),
        (600.0, {**asked, "about": "pain-nrs", "at": "end"}),
        (601.0, {**asked, "about": "distress-nrs", "at": "end"}),
    ]
    about = {"phase": "sustain", "origin": "listener"}
    given = [
        (200.0, {"scale": "pain-nrs", "value": 8, "phase": "match", "origin": "therapist"}),
        (545.0, {"scale": "pain-nrs", "value": 7, "at": "begin", "asked_s": 540.0, **about}),
        (546.0, {"scale": "relaxation-vas", "value": None, "at": "begin", "asked_s": 541.0, **about}),
        # Asked at the end of sustain, answered in the fade after it.
        (606.0, {"scale": "pain-nrs", "value": 4.5, "at": "end", "asked_s": 600.0, **about}),
    ]
    order = sorted(markers, key=lambda pair: pair[0])
    return replace(
        session,
        streams={
            **session.streams,
            "markers": make.json("markers", order),
            "ratings": make.json("ratings", given),
        },
    )


def test_ratings_tell_what_was_asked_and_what_became_of_it(rated):
    assert [(each.scale, each.at, each.value, each.how) for each in ratings(rated)] == [
        ("pain-nrs", "", 8.0, "not asked for"),
        ("pain-nrs", "begin", 7.0, "answered"),
        ("relaxation-vas", "begin", None, "declined"),
        ("pain-nrs", "end", 4.5, "answered"),
        ("distress-nrs", "end", None, "not answered"),
    ]


def test_a_goal_about_a_rating_compares_the_first_answer_with_the_last(rated):
    result = only(rated, PAIN, asks=ASKS)
    assert (result.before.value, result.after.value, result.outcome) == (7.0, 4.5, "reached")
    assert "7.0 in “sustain”, 4.5 in “sustain”, a change of −2.5; a fall of 2" in result.sentence


def test_a_rating_given_once_cannot_be_compared_with_itself(rated, make):
    entries = [
        (545.0, {"scale": "pain-nrs", "value": 7, "at": "begin", "phase": "sustain", "asked_s": 540.0})
    ]
    markers = [(0.0, {"type": "note", "text": "x"})]
    streams = {
        **rated.streams,
        "ratings": make.json("ratings", entries),
        "markers": make.json("markers", markers),
    }
    result = only(replace(rated, streams=streams), PAIN, asks=ASKS)
    assert result.outcome == "cannot be told"
    assert "pain-nrs was not asked for in “sustain”" in result.sentence


def test_a_declined_rating_is_no_number(rated):
    goal = {"name": "at ease", "measure": "rating:relaxation-vas", "change": 10}
    asks = [{"scale": "relaxation-vas", "at": "begin"}, {"scale": "relaxation-vas", "at": "end"}]
    result = only(rated, goal, asks=asks)
    assert result.outcome == "cannot be told"
    assert "relaxation-vas in “sustain” was declined" in result.sentence


def test_commands_tell_who_what_and_the_answer(session, make):
    entries = [
        (30.0, {"name": "skip", "args": {}, "origin": "therapist", "key": "a", "accepted": True,
                "answer": "The next phase begins."}),
        (40.0, {"name": "override", "args": {"field": "tempo_bpm", "value": 60.0}, "origin": "script",
                "key": "b", "accepted": False, "answer": "It is silent now."}),
        (50.0, {"name": "rating", "args": {"scale": "pain-nrs", "value": None}, "origin": "listener",
                "key": "c", "accepted": True, "answer": "Written down."}),
    ]  # fmt: skip
    told = replace(session, streams={**session.streams, "commands": make.json("commands", entries)})
    assert [(each.origin, each.what, each.accepted) for each in commands(told)] == [
        ("therapist", "skip", True),
        ("script", "override: tempo bpm, 60", False),
        ("listener", "rating: pain-nrs, no answer wished", True),
    ]
    page = render(told)
    assert "The next phase begins." in page
    assert "<strong>Not carried out.</strong> It is silent now." in page


def test_page_and_summary_show_goals_and_ratings_and_claim_nothing(rated):
    data = protocol(CALM, PAIN, asks=ASKS).model_dump(mode="json", by_alias=True, exclude_none=True)
    told = replace(rated, meta={**rated.meta, "protocol": data})
    page, summary = render(told), " ".join(session_summary(told))
    results = recorded_goals(told)
    assert [result.outcome for result in results] == ["reached", "reached"]
    for result in results:
        assert result.sentence in summary
        assert f"<td>{result.outcome}</td>" in page
    assert REST_TOO in page
    assert "Mere rest lowers" in summary
    assert "<td>not answered</td>" in page
    assert "How strong is your pain right now?" in page


def test_a_recording_without_a_valid_protocol_has_no_goals(session):
    assert recorded_goals(session) == ()
    assert 'id="goals"' not in render(session)


def test_what_a_command_says_stands_in_the_log_once(session, make):
    markers = [
        (30.0, {"type": "adverse event", "text": "dizzy", "severity": "mild", "origin": "therapist"}),
        (40.0, {"type": "marker", "text": "procedure starts", "at_s": 40.0, "origin": "protocol"}),
        (50.0, {"type": "volume", "db": -6.0, "volume_db": -6.0}),
    ]
    event = {"name": "adverse event", "args": {"text": "dizzy", "severity": "mild"}, "origin": "therapist"}
    given = [(30.0, {**event, "key": "a", "accepted": True, "answer": "It is written down."})]
    log = session_log(make.recording(make.json("markers", markers), make.json("commands", given)))
    assert [entry.occurrences[0] for entry in log] == [
        (30.0, "therapist: adverse event: dizzy, severity mild – It is written down."),
        (40.0, "procedure starts"),
    ]

"""Simulated sessions: every built-in protocol to its end, the same in any process, and as a command."""

import csv
from dataclasses import replace

import pytest

from acquisition.errors import SpecError
from acquisition.spec import parse_spec
from biofeedback.cli import exit_status
from biofeedback.models import EndReason
from biofeedback.simulation.results import draw, markdown, write_csv
from biofeedback.simulation.runs import (
    CUE_AFTER_S,
    Trial,
    every_persona,
    listener_spec,
    script,
    simulate,
    simulate_all,
)
from protocols.loading import load, override

QUICK = (
    "comfort-listening",
    "isoprinciple-activation",
    "pain-distraction",
    "resonance-breathing",
    "silence-control",
)
"""Of the built-in protocols those that can be made short; benchmarks/protocols.py carries out all, whole."""

PERSONAS = every_persona()


def trial(name, short, **options):
    return Trial(**{"protocol": short(load(name)), "persona": "responder", "seed": 1, **options})


@pytest.mark.parametrize("name", QUICK)
def test_a_built_in_protocol_runs_to_its_end(name, short):
    persona = PERSONAS[QUICK.index(name) % len(PERSONAS)]
    run = simulate(trial(name, short, persona=persona))
    assert run.fault == ""
    assert run.outcome.ended == EndReason.COMPLETE
    assert run.outcome.duration_s >= run.trial.protocol.duration_s - 1


@pytest.fixture(scope="module")
def trials(short):
    return [
        trial("silence-control", short, persona=persona, kappa=kappa)
        for persona, kappa in (("responder", 0.0), ("startle", 1.0))
    ]


@pytest.fixture(scope="module")
def runs(trials):
    return simulate_all(trials, workers=1)


def test_the_same_whatever_process_and_in_the_order_asked_for(trials, runs):
    told = []
    there = simulate_all(trials, workers=2, progress=lambda done, word: told.append((done, word)))
    assert [run.trial for run in there] == trials
    assert [run.outcome for run in there] == [run.outcome for run in runs]
    assert [done for done, _ in told] == [1, 2]
    assert {word for _, word in told} == {"silence-control, responder", "silence-control, startle"}


def test_recordings_are_kept_where_asked_for(short, tmp_path):
    simulate(trial("silence-control", short, directory=tmp_path / "kept"))
    assert (tmp_path / "kept" / "session.xdf").stat().st_size > 0


def test_an_unknown_persona_is_refused(short):
    with pytest.raises(SpecError, match="there is no persona 'nobody'"):
        simulate(trial("silence-control", short, persona="nobody"))


def test_cues_come_after_ten_minutes_where_the_protocol_would_wait_longer():
    protocol = load("pain-distraction")
    waits = [phase for phase in protocol.phases if phase.until is not None]
    assert [phase.duration_s > CUE_AFTER_S for phase in waits] == [False, True]
    before, procedure = waits
    assert list(script(protocol)) == [
        (before.duration_s + CUE_AFTER_S, type(next(script(protocol))[1])(cue=procedure.until.cue))
    ]
    assert list(script(override(protocol, "procedure.duration_s=300"))) == []


def test_pain_comes_amid_the_procedure_or_amid_the_session():
    procedure = Trial(protocol=load("pain-distraction"), persona="pain-event", seed=1)
    assert parse_spec(listener_spec(procedure)).pain_at_s == 900.0
    rest = replace(procedure, protocol=load("silence-control"))
    assert parse_spec(listener_spec(rest)).pain_at_s == rest.protocol.duration_s / 2
    assert parse_spec(listener_spec(replace(rest, persona="startle"))).pain_at_s is None


def test_rows_say_what_was_simulated_and_what_came_of_it(runs, tmp_path):
    write_csv(runs, tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["persona"] for row in rows] == ["responder", "startle"]
    assert {row["in_target"] for row in rows} == {""}  # no lead, no target
    assert {row["ended"] for row in rows} == {EndReason.COMPLETE}
    failed = replace(runs[0], fault="it broke")
    lines = markdown([failed, runs[1]]).splitlines()
    assert lines[0].startswith("**silence-control** – ")
    assert lines[4].endswith("| it broke |")
    assert lines[5].endswith("| complete |")
    assert {line.count("|") for line in lines[2:]} == {lines[2].count("|")}


def test_a_page_is_drawn(runs, tmp_path):
    draw(runs, tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_writes_rows_and_a_table(tmp_path, capsys):
    arguments = (
        "simulate", "--protocol", "silence-control", "--persona", "responder", "--persona", "paradoxical",
        "--set", "baseline.duration_s=20", "--set", "rest.duration_s=20", "--workers", "1", "--pictures",
        "--out", str(tmp_path / "out"),
    )  # fmt: skip
    assert exit_status([*arguments]) == 0
    said = capsys.readouterr().out
    assert "| paradoxical | " in said
    assert "of processor time" in said
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "runs.csv",
        "runs.md",
        "silence-control.png",
    }

"""The analysis of a session: each number with what it stands on, or the reason why it is withheld."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from biofeedback.analysis.measures import NAMES, analyse, as_dict, footing
from biofeedback.cli.exchange import analyse_command
from biofeedback.report.page import render

BEAT_COLUMNS = ["id", "r_time_s", "rr_ms", "quality", "corrected", "action"]
END_S = 400.0


def waves(lf_ms=20.0, hf_ms=30.0, until_s=END_S):
    """Intervals around 800 ms with waves of 0.1 and 0.25 Hz and a little noise."""
    rng, rr, t = np.random.default_rng(2), [], 0.0
    while t < until_s - 1:
        wave = lf_ms * np.sin(2 * np.pi * 0.1 * t) + hf_ms * np.sin(2 * np.pi * 0.25 * t)
        rr.append(800 + wave + rng.normal(0, 3))
        t += rr[-1] / 1000
    return np.array(rr)


def recorded(make, rr, *, phases=((0.0, END_S),), heart=(0.0,), breath=0.0):
    entries = []
    for number, (begin, end) in enumerate(phases):
        entries.append((begin, {"type": "phase", "name": f"p{number}", "kind": "lead", "event": "begin"}))
        entries.append((end, {"type": "phase", "name": f"p{number}", "kind": "lead", "event": "end"}))
    times = np.concatenate([[0.0], np.cumsum(rr) / 1000])
    columns = [np.arange(times.size), times + make.t0, np.concatenate([[math.nan], rr]), 1.0, 0, 0]
    beats = make.numeric("beats", "P", BEAT_COLUMNS, times, columns)
    seconds = np.arange(1.0, END_S + 1)
    sources = np.array(heart)[(seconds * len(heart) / (END_S + 1)).astype(int)]
    features = {
        "scl_uS": np.where(seconds <= 300, 4.0, math.nan),
        "eda_quality": np.full(seconds.size, 0.9),
        "phasic_auc": np.where(seconds <= 300, 2.5, math.nan),
        "breathing_rate": np.full(seconds.size, 15.0),
        "heart_source": sources,
        "breathing_source": np.full(seconds.size, breath),
    }
    stream = make.numeric("features", "P", list(features), seconds, list(features.values()))
    desc = {"heart_sources": "ecg,rr,ppg,hr", "breathing_sources": "belt,ecg-derived,ppg-derived"}
    scrs = make.numeric(
        "scrs", "P", ["onset_s", "peak_s", "amplitude_uS"], [10.0], [[10 + make.t0], 111, 0.2]
    )
    return make.recording(make.json("markers", entries), beats, replace(stream, desc=desc), scrs)


def measures(analysed):
    return {measure.key: measure for measure in analysed.measures}


def test_every_measure_of_a_whole_session_stands_on_its_seconds(make):
    rr = waves()
    *_, whole = analyse(recorded(make, rr))
    found = measures(whole)
    assert list(found) == list(NAMES)
    steps = np.diff(rr)
    assert found["hr_mean"].value.number == pytest.approx(60_000 / rr.mean(), rel=1e-3)
    assert found["hr_median"].value.number == pytest.approx(60_000 / np.median(rr), rel=1e-3)
    assert found["rmssd"].value.number == pytest.approx(np.sqrt(np.mean(steps**2)), rel=0.02)
    assert found["sdnn"].value.number == pytest.approx(rr.std(ddof=1), rel=0.02)
    assert found["pnn50"].value.number == pytest.approx(100 * np.mean(np.abs(steps) > 50), abs=1)
    assert found["lf"].value.number == pytest.approx(200, rel=0.15)
    assert found["hf"].value.number == pytest.approx(450, rel=0.15)
    assert found["peak"].value.number == pytest.approx(0.25, abs=0.01)
    assert (found["scl"].value.number, found["phasic_auc"].value.number) == (4.0, 2.5)
    assert found["scr_rate"].value.number == pytest.approx(60 / 300)
    assert found["scl"].window_s == 300
    assert found["scl"].usable_share == pytest.approx(0.75, abs=0.01)
    assert found["rmssd"].usable_share > 0.99
    assert found["scl"].corrected_share is None
    assert footing(found["scl"]) == "300 s, 75 % usable"


def test_what_a_phase_is_too_short_for_is_withheld_in_words(make):
    first, second, _ = analyse(recorded(make, waves(), phases=((0.0, 45.0), (45.0, 145.0))))
    short, middle = measures(first), measures(second)
    assert short["hr_mean"].value.number is not None
    assert short["rmssd"].value.reason == "only 45 s of valid intervals; 60 s are needed"
    assert short["hf"].value.number is None
    assert middle["hf"].value.number is not None
    assert middle["lf"].value.reason == "the longest stretch without a gap is 100 s; 120 s are needed"
    assert middle["lf"].window_s == pytest.approx(100, abs=2)


def test_variability_from_a_pulse_sensor_is_that_of_the_pulse_rate(make):
    *_, whole = analyse(recorded(make, waves(), heart=(2.0,), breath=2.0))
    labels = {measure.key: measure.label for measure in whole.measures}
    assert labels["rmssd"] == "RMSSD of the pulse rate"
    assert labels["hf"] == "HF power, 0.15–0.4 Hz of the pulse rate"
    assert labels["hr_mean"] == "pulse rate, mean"
    assert labels["breathing"] == "breathing rate (ppg-derived)"


def test_the_report_calls_it_so_too(make):
    page = render(recorded(make, waves(), heart=(2.0,)))
    assert "Pulse-rate variability" in page
    assert "RMSSD of the pulse rate" in page


def test_intervals_of_two_sensors_are_not_mixed(make):
    *_, whole = analyse(recorded(make, waves(), heart=(0.0, 2.0)))
    found = measures(whole)
    assert found["rmssd"].value.reason == "intervals of two sensors, ecg and ppg: they are not mixed"
    assert found["hr_mean"].value.number is not None


def test_a_session_without_any_signal_says_why_of_everything(make):
    markers = make.json("markers", [(0.0, {"type": "session"}), (90.0, {"type": "note"})])
    (whole,) = analyse(make.recording(markers))
    assert all(measure.value.number is None and measure.value.reason for measure in whole.measures)


def test_the_ratio_of_powers_is_said_nowhere(make):
    text = json.dumps(as_dict(recorded(make, waves())))
    assert "LF/HF" not in text
    assert set(as_dict(recorded(make, waves()))["stretches"][0]["measures"]) == set(NAMES)


def test_the_command_says_all_of_it_of_a_recording_that_was_cut_off(make, session, monkeypatch, tmp_path):
    monkeypatch.setattr("biofeedback.recording.reader.read_recording", lambda _: make.cut(session, 400.0))
    told = CliRunner().invoke(analyse_command, [str(tmp_path)])
    assert told.exit_code == 0
    assert "whole session  00:00–06:40, cut off" in told.output
    assert "withheld: " in told.output
    found = json.loads(CliRunner().invoke(analyse_command, [str(tmp_path), "--json"]).output)
    assert found["complete"] is False
    assert [stretch["name"] for stretch in found["stretches"]] == [
        "baseline",
        "match",
        "lead to rest",
        "whole session",
    ]
    for entry in found["stretches"][-1]["measures"].values():
        assert (entry["value"] is None) == bool(entry["reason"])


def test_the_report_shows_the_same_table_each_number_one_click_from_the_signal(session):
    page = render(session)
    section = page.split('<section id="analysis"')[1].split("</section>")[0]
    stretches = analyse(session)
    assert section.count("<button") == len(stretches) * len(NAMES)
    assert section.count("data-t=") == section.count("<button")
    rmssd = measures(stretches[0])["rmssd"]
    assert f">{rmssd.value.number:.1f}</button>" in section
    assert footing(rmssd) in section

"""The BIDS data set, checked by the BIDS validator and read as the specification says."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biofeedback.exports.export import ExportRequest, export
from biofeedback.recording.reader import read_recording

VALIDATOR = shutil.which("bids-validator-deno", path=Path(sys.executable).parent) or "bids-validator-deno"

BESIDE_THE_POINT = {
    *("NO_AUTHORS", "TOO_FEW_AUTHORS"),  # nobody said who they are
    "JSON_KEY_RECOMMENDED",  # HEDVersion: there are no HED tags
    "SIDECAR_KEY_RECOMMENDED",  # names of institutions, ontologies of tasks
}


@pytest.fixture(scope="module")
def dataset(session_directory, recorded, agreed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bids")
    second = recorded.record(folder / "second", sound=False, until_s=35.0)
    cut = recorded.record(folder / "cut", sound=False, close=False, until_s=33.0)
    order = ExportRequest(formats=("bids",), out=folder / "out", key=b"k" * 32)
    clients = {"second": "K-17", "cut": None}
    return export(
        [session_directory, second, cut],
        order,
        know=lambda path: agreed(clients.get(path.name, "K-17")),
    ).folder


def test_the_validator_has_nothing_against_it(dataset):
    done = subprocess.run(
        [VALIDATOR, str(dataset), "--format", "json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    assert {issue["code"] for issue in issues} <= BESIDE_THE_POINT
    assert done.returncode == 0


def test_sessions_of_one_client_are_one_participant(dataset):
    table = pd.read_csv(dataset / "participants.tsv", sep="\t")
    assert table["participant_id"].tolist() == ["sub-001", "sub-002"]
    sessions = {
        row.participant_id: len(list((dataset / row.participant_id).iterdir())) for row in table.itertuples()
    }
    known = dict(zip(table["participant_id"], table["known"], strict=True))
    assert {known[subject]: count for subject, count in sessions.items()} == {"yes": 2, "no": 1}


def longest(dataset, pattern):
    return max(dataset.glob(f"sub-*/ses-*/beh/*_{pattern}"), key=lambda path: len(_text(path)))


def _text(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize(("stream", "column"), [("ecg", "cardiac"), ("eda", "eda_1")])
def test_regular_streams_are_the_recording(dataset, session_directory, stream, column):
    path = longest(dataset, f"recording-{stream}_physio.tsv.gz")
    sidecar = json.loads(path.with_suffix("").with_suffix(".json").read_text(encoding="utf-8"))
    assert sidecar["Columns"] == [column]
    assert sidecar[column]["Units"] == {"ecg": "mV", "eda": "uS"}[stream]
    values = pd.read_csv(path, sep="\t", header=None, na_values="n/a", float_precision="round_trip")[0]
    times = sidecar["StartTime"] + np.arange(len(values)) / sidecar["SamplingFrequency"]
    recording = read_recording(session_directory)
    recorded = recording.streams[stream]
    stamps, samples = recorded.times - recording.t0_s, recorded.samples[:, 0]
    there = np.isfinite(samples)
    kept = np.isfinite(values.to_numpy())
    assert np.array_equal(values[kept], samples[there])
    assert np.abs(times[kept] - stamps[there]).max() <= sidecar["TimeStampDeviation"] + 1e-9
    assert sidecar["TimeStampDeviation"] < 1e-6


def test_a_gap_is_as_long_as_it_was(dataset, recorded):
    path = longest(dataset, "recording-ecg_physio.tsv.gz")
    values = pd.read_csv(path, sep="\t", header=None, na_values="n/a")[0].to_numpy()
    begin, end = recorded.gap
    missing = np.flatnonzero(np.isnan(values))
    assert missing.size == round((end - begin) * 250) + 10
    assert missing[-1] == round(end * 250) - 1


def test_events_are_phases_decisions_markers_ratings_and_commands(dataset):
    path = longest(dataset, "events.tsv")
    table = pd.read_csv(path, sep="\t")
    assert table["onset"].is_monotonic_increasing
    assert set(table["trial_type"]) == {"phase", "decision", "marker", "rating", "command"}
    phases = table[table["trial_type"] == "phase"]
    assert phases[["onset", "duration", "name", "text"]].to_numpy().tolist() == [
        [0.0, 30.0, "Ruhe", "baseline"],
        [30.0, 25.0, "match", "match"],
    ]
    rating = table[table["trial_type"] == "rating"].iloc[0]
    assert (rating["onset"], rating["name"], rating["value"]) == (50.0, "pain-nrs", 4.0)
    described = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert set(table.columns) <= set(described)


@pytest.mark.parametrize("stream", ["rr", "beats", "scrs", "notes", "music"])
def test_irregular_streams_keep_their_times(dataset, session_directory, stream):
    path = longest(dataset, f"acq-{stream}_beh.tsv")
    table = pd.read_csv(path, sep="\t", na_values="n/a", float_precision="round_trip")
    recording = read_recording(session_directory)
    recorded = recording.streams[stream]
    assert np.array_equal(table["onset"], recorded.times - recording.t0_s)
    label = recorded.labels[-1]
    assert np.array_equal(table[label], recorded.column(label), equal_nan=True)


def test_a_cut_off_session_says_so(dataset):
    text = (dataset / "README.md").read_text(encoding="utf-8")
    assert text.count("was cut off") == 1
    told = json.loads((dataset / "sourcedata" / "provenance.json").read_text(encoding="utf-8"))
    assert sorted(session["complete"] for session in told["sessions"]) == [False, True, True]

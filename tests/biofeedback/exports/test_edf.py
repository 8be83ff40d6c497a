"""EDF+C as pyedflib and MNE read it: the recording within half a step, missing samples missing."""

import warnings
from datetime import datetime

import edfio
import mne
import numpy as np
import pyedflib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acquisition.streams import Chunk, Kind, StreamInfo
from biofeedback.exports.edf import MISSING, physical_range
from biofeedback.exports.export import ExportRequest, export
from biofeedback.recording.reader import read_recording
from biofeedback.recording.recorder import Recorder
from generator.state import Piece


@pytest.fixture(scope="module")
def edf(session_directory, tmp_path_factory):
    out = tmp_path_factory.mktemp("edf") / "out"
    folder = export([session_directory], ExportRequest(formats=("edf",), out=out, key=b"k" * 32)).folder
    return folder / "sub-001" / "ses-001" / "sub-001_ses-001.edf"


def test_pyedflib_reads_the_recording_within_half_a_step(edf, session_directory):
    recording = read_recording(session_directory)
    with pyedflib.EdfReader(str(edf)) as file:
        assert file.getSignalLabels()[:3] == ["ecg II", "eda_1", "hr_bpm"]
        for label, name, column in (("ecg II", "ecg", "II"), ("hr_bpm", "features", "hr_bpm")):
            index = file.getSignalLabels().index(label)
            digital, physical = file.readSignal(index, digital=True), file.readSignal(index)
            stream = recording.streams[name]
            stamps, values = stream.times - recording.t0_s, stream.column(column)
            rate = file.getSampleFrequency(index)
            slots = np.round(stamps * rate).astype(int)
            there = np.isfinite(values)
            low, high = file.getPhysicalMinimum(index), file.getPhysicalMaximum(index)
            half_a_step = (high - low) / 65535 / 2
            assert np.abs(physical[slots[there]] - values[there]).max() <= half_a_step * 1.001
            missing = np.ones(digital.size, dtype=bool)
            missing[slots[there]] = False
            assert (digital[missing] == MISSING).all()
            assert (digital[~missing] > MISSING).all()
        assert file.getPhysicalDimension(0) == "mV"


def test_mne_reads_signals_and_annotations(edf, recorded):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MNE expects brain signals
        raw = mne.io.read_raw_edf(edf, preload=False, verbose="error")
    assert raw.info["sfreq"] == 250
    found = {
        text: (onset, length)
        for onset, length, text in zip(
            raw.annotations.onset, raw.annotations.duration, raw.annotations.description, strict=True
        )
    }
    assert found["phase Ruhe: baseline"] == (0.0, 30.0)
    assert found["rating pain-nrs 4"][0] == 50.0
    assert found["marker signal: ecg: no contact"][0] == 10.0
    gaps = [
        (a.onset, a.onset + a.duration) for a in edfio.read_edf(edf).annotations if a.text == "gap ecg II"
    ]
    assert gaps == [(4.0, pytest.approx(4.04)), (recorded.gap[0], recorded.gap[1])]


def test_headers_are_as_the_specification_wants_them(edf):
    header = edf.read_bytes()[:256]
    assert header[8:88].split() == [b"X", b"X", b"X", b"X"]
    assert header[88:168].split() == [b"Startdate", b"X", b"X", b"X", b"X"]
    assert header[192:197] == b"EDF+C"
    file = edfio.read_edf(edf)
    labels = [signal.label for signal in file.signals]
    assert len(set(labels)) == len(labels)
    assert all(label.isascii() and len(label) <= 16 for label in labels)


def test_the_readme_states_range_and_error(edf):
    text = (edf.parents[2] / "README.md").read_text(encoding="utf-8")
    with pyedflib.EdfReader(str(edf)) as file:
        assert f"| {file.getPhysicalMinimum(0):g} to {file.getPhysicalMaximum(0):g} | ±" in text
    assert "rr: it is irregular" in text


@given(st.floats(-1e5, 1e5), st.floats(0, 1e5))
def test_any_range_fits_into_a_header(low, width):
    least, most = physical_range(low, low + width)
    assert least < low
    assert most >= low + width
    for number in (least, most):
        text = str(int(number)) if number.is_integer() else str(number)
        assert len(text) <= 8
        assert "e" not in text
    assert round((low - least) / (most - least) * 65535) >= 1


def test_a_sensor_whose_clock_is_off_loses_no_more_than_it_must(tmp_path, order):
    info = StreamInfo(stream_id="a", name="ecg", kind=Kind.ECG, unit="mV", rate_hz=100.0, labels=("II",))
    folder = tmp_path / "off"
    recorder = Recorder(
        folder,
        protocol={},
        protocol_sha256="",
        piece=Piece(),
        inputs=[info],
        t0_s=0.0,
        t0_wall=datetime.fromisoformat("2026-03-01T09:30:12+01:00"),
    )
    recorder.open()
    recorder.raw(Chunk(info, np.arange(6000) / 99.95, np.arange(6000.0)[:, None]))
    recorder.close("completed")
    folder = export([folder], order("edf")).folder
    (path,) = folder.rglob("*.edf")
    signal = edfio.read_edf(path).signals[0]
    values = np.round(signal.data[:6003])
    assert set(range(6000)) <= set(values.astype(int).tolist())
    at = np.arange(values.size) / 100
    assert np.abs(values / 99.95 - at).max() < 0.012
    assert "3 repeated and 0 left out" in (folder / "README.md").read_text(encoding="utf-8")

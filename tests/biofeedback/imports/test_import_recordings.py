"""Recordings of other programs become sessions that report, analyse and export understand."""

import hashlib
import json
import struct
import zipfile

import neurokit2 as nk
import numpy as np
import pyedflib
import pytest
import pyxdf

from biofeedback.cli import exit_status
from biofeedback.errors import UsageError
from biofeedback.imports import import_recordings, read_recorded_file
from biofeedback.offline_stream import stream_recordings
from biofeedback.recording import xdf
from biofeedback.recording.reader import read_recording

SECONDS = 40
RATE = 125
LATE_S = 100.0
"""By how much the clock of the second computer is behind."""


@pytest.fixture(scope="module")
def ecg():
    return nk.ecg_simulate(duration=SECONDS, sampling_rate=RATE, heart_rate=70, random_state=3)


@pytest.fixture(scope="module")
def lab_recorder(tmp_path_factory, ecg):
    """An XDF file of two computers: ECG and EDA of one, markers of the other."""
    path = tmp_path_factory.mktemp("lab") / "sub-P1_größe.xdf"
    jitter = np.random.default_rng(1).normal(scale=0.001, size=ecg.size)
    times = 5000.0 + np.arange(ecg.size) / RATE + jitter
    eda_times = 5000.0 + np.arange(SECONDS * 4) / 4
    headers = {
        1: stream_header("Polar", "ECG", RATE, ("ECG",), ("millivolts",)),
        2: stream_header("Shimmer", "GSR", 4, ("GSR",), ("microsiemens",)),
        3: stream_header("Eyes", "Gaze", 60, ("x",), ("px",)),
        4: xdf.StreamHeader(
            name="PsychoPy", kind="Markers", source_id="p", labels=("m",), units=("",), text=True
        ),
    }
    data = xdf.file_header() + b"".join(xdf.stream_header(key, header) for key, header in headers.items())
    data += xdf.samples_chunk(1, times.size, xdf.numeric_samples(times, 2 * ecg[:, None]))
    eda = 4 + 0.2 * np.sin(eda_times)
    data += xdf.samples_chunk(2, eda_times.size, xdf.numeric_samples(eda_times, eda[:, None]))
    data += xdf.samples_chunk(3, 1, xdf.numeric_samples(np.array([5000.5]), np.array([[1.0]])))
    for at, text in ((10.0, "Reiz an"), (20.0, "Reiz aus")):
        data += xdf.samples_chunk(4, 1, xdf.text_sample(5000.0 + at - LATE_S, text))
    for second in range(0, SECONDS, 5):
        for key, offset in ((1, 0.0), (2, 0.0), (3, 0.0), (4, LATE_S)):
            reading = struct.pack("<Idd", key, 5000.0 + second - offset, offset)
            data += xdf.chunk(xdf.Tag.CLOCK_OFFSET, reading)
    path.write_bytes(data)
    return path


def stream_header(name, kind, rate, labels, units):
    return xdf.StreamHeader(
        name=name, kind=kind, source_id=name, rate_hz=float(rate), labels=labels, units=units
    )


@pytest.fixture
def imported(lab_recorder, tmp_path):
    result = import_recordings([read_recorded_file(str(lab_recorder))], tmp_path / "session")
    return result, read_recording(tmp_path / "session")


def test_streams_are_known_by_their_type_and_the_rest_is_named(imported, lab_recorder):
    result, recording = imported
    assert result.streams == ("ecg", "eda", "markers")
    assert [recording.streams[name].units for name in ("ecg", "eda")] == [("mV",), ("uS",)]
    assert "stream 'Eyes', channel x: nothing is known of type 'Gaze'" in result.left_out[0]
    assert recording.meta["end"]["reason"] == "imported"
    assert recording.complete
    (told,) = recording.meta["arguments"]["imported"]
    assert told["file"] == lab_recorder.name
    assert told["sha256"] == hashlib.sha256(lab_recorder.read_bytes()).hexdigest()
    assert recording.meta["t0_wall"] is None


def test_clocks_of_two_computers_become_one(imported):
    _, recording = imported
    marks = recording.streams["markers_2"]
    assert marks.texts == ("Reiz an", "Reiz aus")
    assert marks.times == pytest.approx([10.0, 20.0], abs=0.01)
    assert np.diff(recording.streams["ecg"].times).std() < 1e-6


def test_samples_are_the_files_own(imported, lab_recorder):
    _, recording = imported
    streams, _ = pyxdf.load_xdf(lab_recorder)
    (ecg,) = (stream for stream in streams if stream["info"]["name"] == ["Polar"])
    assert np.array_equal(recording.streams["ecg"].samples, ecg["time_series"])


def test_features_are_those_of_the_live_pipeline(ecg, tmp_path):
    np.savetxt(tmp_path / "rec.csv", ecg, header="ECG", comments="", fmt="%.6f")
    spec = f"ecg={tmp_path / 'rec.csv'}:ECG@{RATE}?unit=mV"
    import_recordings([read_recorded_file(spec)], tmp_path / "session", baseline=(5.0, 30.0))
    recording = read_recording(tmp_path / "session")
    findings = stream_recordings([spec], baseline=(5.0, 30.0))
    features = recording.streams["features"]
    assert np.array_equal(features.times, [state.t for state in findings.states])
    live = [np.nan if state.hr_bpm.value is None else state.hr_bpm.value for state in findings.states]
    assert np.array_equal(features.column("hr_bpm"), live, equal_nan=True)
    assert np.nanmedian(live) == pytest.approx(70, abs=2)
    assert recording.streams["beats"].times.size == len(findings.beats)
    markers = [marker for marker in recording.streams["markers"].json() if marker["type"] == "phase"]
    assert [(marker["name"], marker["event"]) for marker in markers] == [
        ("recording before baseline", "begin"),
        ("recording before baseline", "end"),
        ("baseline", "begin"),
        ("baseline", "end"),
        ("recording", "begin"),
        ("recording", "end"),
    ]


def opensignals(path, sensors):
    device = {
        "sensor": sensors,
        "column": ["nSeq", *(f"A{number}" for number in range(1, len(sensors) + 1))],
        "label": [f"A{number}" for number in range(1, len(sensors) + 1)],
        "sampling rate": 100,
        "resolution": [4, *(10 for _ in sensors)],
        "device": "bitalino_rev",
    }
    rows = [
        "\t".join(
            map(str, [number % 16, *(500 + 10 * (number % 7) + index for index in range(len(sensors)))])
        )
        for number in range(500)
    ]
    text = "# OpenSignals Text File Format\n# " + json.dumps({"mac": device}) + "\n# EndOfHeader\n"
    path.write_text(text + "\t\n".join(rows) + "\t\n", encoding="utf-8")
    return path


def test_opensignals_channels_are_known_by_their_sensor(tmp_path):
    path = opensignals(tmp_path / "rec.txt", ["ECG", "EDA", "LUX"])
    result = import_recordings([read_recorded_file(str(path))], tmp_path / "session")
    recording = read_recording(tmp_path / "session")
    assert result.streams == ("ecg", "eda")
    assert [recording.streams[name].units for name in ("ecg", "eda")] == [("mV",), ("uS",)]
    assert "channel 'A3' (LUX)" in result.left_out[0]


def empatica(folder, *, tags="tags.csv"):
    folder.mkdir()
    rng = np.random.default_rng(5)
    start = 1600000000.0

    def write(name, begin, rate, rows):
        width = len(rows[0])
        lines = [[f"{begin:.6f}"] * width, [f"{rate:.6f}"] * width, *rows]
        (folder / name).write_text(
            "\n".join(",".join(map(str, row)) for row in lines) + "\n", encoding="utf-8"
        )

    pulse = nk.ppg_simulate(duration=20, sampling_rate=64, heart_rate=70, random_state=2)
    write("BVP.csv", start, 64, [[f"{100 * value:.2f}"] for value in pulse])
    write("EDA.csv", start, 4, [[f"{value:.4f}"] for value in 2 + rng.normal(scale=0.001, size=80)])
    write("ACC.csv", start, 32, [[1, 2, 62]] * 640)
    write("HR.csv", start + 10, 1, [[f"{value:.2f}"] for value in 70 + np.arange(10) / 10])
    write("TEMP.csv", start, 4, [["32.1"]] * 80)
    (folder / "IBI.csv").write_text(
        f"{start:.6f}, IBI\n" + "".join(f"{at:.6f},0.86\n" for at in np.arange(3, 15) * 0.86),
        encoding="utf-8",
    )
    (folder / tags).write_text(f"{start + 5:.2f}\n{start + 7.5:.2f}\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_an_empatica_e4_is_one_session_on_its_own_clock(tmp_path, zipped):
    given = empatica(tmp_path / "E4_ü")
    if zipped:
        with zipfile.ZipFile(tmp_path / "E4.zip", "w") as archive:
            for path in given.iterdir():
                archive.write(path, f"1600000000_A00123/{path.name}")
        given = tmp_path / "E4.zip"
    result = import_recordings([read_recorded_file(str(given))], tmp_path / "session")
    recording = read_recording(tmp_path / "session")
    assert result.streams == ("ppg", "eda", "rr", "hr", "acc", "markers")
    assert recording.meta["t0_wall"] == "2020-09-13T12:26:40+00:00"
    assert recording.streams["markers_2"].times.tolist() == [5.0, 7.5]
    assert recording.streams["hr"].times[0] == 10.0
    assert recording.streams["acc"].samples.shape == (640, 3)
    assert recording.streams["eda"].units == ("uS",)
    assert any("TEMP.csv" in line for line in result.left_out)
    assert any("acc" in line for line in result.not_analysed)


def edf(path, labels, unit="mV"):
    with pyedflib.EdfWriter(str(path), len(labels), file_type=pyedflib.FILETYPE_EDFPLUS) as file:
        for number, label in enumerate(labels):
            header = {
                "label": label,
                "dimension": unit,
                "sample_frequency": 100,
                "physical_min": -5.0,
                "physical_max": 5.0,
                "digital_min": -32768,
                "digital_max": 32767,
                "transducer": "",
                "prefilter": "",
            }
            file.setSignalHeader(number, header)
        file.writeSamples([np.sin(np.arange(1000) / 9) for _ in labels])
        file.writeAnnotation(3.0, -1, "Knopf")
    return path


def test_edf_signals_are_known_by_their_label(tmp_path):
    path = edf(tmp_path / "rec.edf", ["ECG II", "Resp chest", "EEG Fpz", "Resp rate", "EDA"])
    result = import_recordings([read_recorded_file(str(path))], tmp_path / "session")
    recording = read_recording(tmp_path / "session")
    assert result.streams == ("ecg", "rsp", "eda", "markers")
    assert [line.partition(":")[0] for line in result.left_out] == [
        "rec.edf, signal 'EEG Fpz'",
        "rec.edf, signal 'Resp rate'",
    ]
    assert result.not_analysed == ("eda: it is in mV; uS is needed",)
    assert recording.streams["markers_2"].texts == ("Knopf",)
    assert recording.streams["markers_2"].times.tolist() == [3.0]


def test_skin_conductance_of_unknown_unit_is_kept_and_not_analysed(tmp_path):
    path = edf(tmp_path / "rec.edf", ["ECG", "GSR"], unit="counts")
    result = import_recordings([read_recorded_file(str(path))], tmp_path / "session")
    recording = read_recording(tmp_path / "session")
    assert recording.streams["eda"].units == ("a.u.",)
    assert np.isnan(recording.streams["features"].column("scl_uS")).all()
    assert result.not_analysed == ("eda: its unit is not stated; state it, as in eda=FILE:COLUMN?unit=uS",)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("nowhere.xdf", "does not exist"),
        ("table.csv", "does not state what it holds"),
        ("ecg=lsl:name=X", "only files can be imported"),
        ("empty", "holds no recording of an Empatica E4"),
        ("broken.zip", "not a complete zip file"),
        ("session.xdf", "recording of this program"),
        ("eeg.edf", "no signal could be read"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(given, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 nothing")
    (tmp_path / "empty").mkdir()
    edf(tmp_path / "eeg.edf", ["EEG Fpz"])
    ours = xdf.StreamHeader(
        name="features", kind="Physiology", source_id="biofeedback:features", labels=("x",), units=("",)
    )
    (tmp_path / "session.xdf").write_bytes(xdf.file_header() + xdf.stream_header(1, ours))
    assert exit_status(["import", given, "--out", "out"]) == 2
    err = capsys.readouterr().err.strip()
    assert says in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_report_analyse_and_export_work_on_what_was_imported(lab_recorder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BIOFEEDBACK_DATA", str(tmp_path / "data"))
    out = tmp_path / "größe"
    assert exit_status(["import", str(lab_recorder), "--out", str(out)]) == 0
    assert exit_status(["report", str(out)]) == 0
    assert (out / "report.html").stat().st_size > 100_000
    assert exit_status(["analyse", str(out), "--json"]) == 0
    assert "heart rate" in capsys.readouterr().out
    assert exit_status(["export", str(out), "--to", "all", "--out", str(tmp_path / "exported")]) == 0


def test_a_baseline_beyond_the_recording_is_refused(tmp_path):
    path = opensignals(tmp_path / "rec.txt", ["ECG"])
    with pytest.raises(UsageError, match="the baseline ends at 60 s"):
        import_recordings([read_recorded_file(str(path))], tmp_path / "session", baseline=(0.0, 60.0))

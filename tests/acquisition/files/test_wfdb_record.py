"""WFDB records, written here in format 16 after the specification (header(5), signal(5))."""

import numpy as np
import pytest

from acquisition.errors import SourceError
from acquisition.files.recordings import open_recording
from acquisition.spec import parse_spec

HEADER = "rec 2 360 {}\nrec.dat 16 200(-100)/mV 16 0 0 0 0 MLII\nrec.dat 16 100(0)/NU 16 0 0 0 0 PLETH\n"
SAMPLES = np.array([(-100, 1), (100, 2), (-32768, 3), (300, 4)], dtype="<i2")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "rec.hea").write_text(HEADER.format(len(SAMPLES)), encoding="ascii")
    (tmp_path / "rec.dat").write_bytes(SAMPLES.tobytes())
    return tmp_path


def load(path, where, kind="ecg"):
    spec = parse_spec(f"{kind}={path}{where}")
    return open_recording(spec.path).series(spec)


@pytest.mark.parametrize("name", ["rec.hea", "rec.dat", "rec"])
@pytest.mark.parametrize("where", [":MLII", ":0", ":MLII@360"])
def test_a_signal_is_read_in_its_unit_and_invalid_samples_are_missing(folder, name, where):
    series = load(folder / name, where)
    assert (series.label, series.unit, series.rate_hz) == ("MLII", "mV", 360.0)
    np.testing.assert_allclose(series.values, [0.0, 1.0, np.nan, 2.0])
    np.testing.assert_allclose(series.times, np.arange(4) / 360)


def test_a_unit_we_do_not_know_is_none(folder):
    series = load(folder / "rec", ":PLETH", "ppg")
    assert series.unit == "a.u."
    np.testing.assert_allclose(series.values, [0.01, 0.02, 0.03, 0.04])


def test_a_long_record_is_read_in_pieces(folder, monkeypatch):
    whole = load(folder / "rec", ":PLETH", "ppg").values
    monkeypatch.setattr("acquisition.files.binary_formats.FRAMES_AT_ONCE", 3)
    np.testing.assert_array_equal(load(folder / "rec", ":PLETH", "ppg").values, whole)


def test_signals_sampled_faster_than_the_record_keep_their_rate(tmp_path):
    (tmp_path / "fast.hea").write_text(
        "fast 2 100 2\nfast.dat 16x2 100(0)/mV 16 0 0 0 0 ECG\nfast.dat 16 100(0)/NU 16 0 0 0 0 RESP\n",
        encoding="ascii",
    )
    (tmp_path / "fast.dat").write_bytes(np.array([1, 2, 10, 3, 4, 20], dtype="<i2").tobytes())
    series = load(tmp_path / "fast", ":ECG")
    assert series.rate_hz == 200.0
    np.testing.assert_allclose(series.values, [0.01, 0.02, 0.03, 0.04])
    np.testing.assert_allclose(load(tmp_path / "fast", ":RESP", "rsp").values, [0.1, 0.2])


def test_what_is_missing_or_damaged_is_named_in_one_line(folder):
    def refused(where, says, path=folder / "rec"):
        with pytest.raises(SourceError) as caught:
            load(path, where)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)

    refused(":V5", "has no signal 'V5'; it has MLII, PLETH")
    refused("", "rec:PLETH; it has MLII, PLETH")
    refused("", "rec has 2 signals: say which, as in")
    refused(":MLII@250", "says 360 Hz, the specification 250 Hz")
    refused(":x", "none.hea does not exist: a WFDB record needs its header", folder / "none")
    (folder / "rec.dat").write_bytes(SAMPLES.tobytes()[:6])
    refused(":MLII", "is damaged, or shorter than its header says")
    (folder / "rec.dat").unlink()
    refused(":MLII", "rec.dat does not exist")
    (folder / "rec.hea").write_text("rec 0 360 0\n", encoding="ascii")
    refused(":MLII", "describes no signal")
    (folder / "rec.hea").write_bytes(bytes(range(256)))
    refused(":MLII", "is not a WFDB header")

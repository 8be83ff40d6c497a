"""Text formats: OpenSignals, Simple Text Format, Empatica E4, lists of RR intervals."""

import json

import numpy as np
import pytest

from acquisition.errors import SourceError
from acquisition.files.recordings import open_recording
from acquisition.files.text_formats import sample_numbers
from acquisition.spec import parse_spec


@pytest.fixture
def load(tmp_path):
    def load(name, text, kind, where=""):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        spec = parse_spec(f"{kind}={path}{where}")
        series = open_recording(spec.path).series(spec)
        return series if spec.conversion is None else spec.conversion.apply(series, str(path))

    return load


def opensignals(rows, **described):
    header = {
        "sensor": ["ECG", "EDA"],
        "column": ["nSeq", "I1", "A2", "A3"],
        "label": ["A2", "A3"],
        "resolution": [4, 1, 10, 10],
        "sampling rate": 100,
        "device": "bitalino_rev",
    } | described
    lines = "".join("\t".join(map(str, row)) + "\t\n" for row in rows)
    return f"# OpenSignals Text File Format\n# {json.dumps({'20:16': header})}\n# EndOfHeader\n{lines}"


ROWS = [(14, 0, 512, 256), (15, 0, 1023, 512), (0, 0, 0, 768)]


@pytest.mark.parametrize("where", ["", ":A2", ":2", ":ECG"])
def test_opensignals_tells_sensor_rate_and_resolution(load, where):
    series = load("ecg.txt", opensignals(ROWS), "ecg", where)
    assert (series.label, series.unit, series.rate_hz) == ("A2", "mV", 100.0)
    # From the middle of the range, half of 3 mV to either side: 3.3 V behind a gain of 1100.
    np.testing.assert_allclose(series.values, [0.0, (1023 / 1024 - 0.5) * 3.0, -1.5])


@pytest.mark.parametrize(
    ("device", "microsiemens"),
    [("bitalino_rev", [6.25, 12.5, 18.75]), ("bitalino", [4 / 3, 2.0, 4.0])],
)
def test_opensignals_conductance_by_the_board(load, device, microsiemens):
    series = load("eda.txt", opensignals(ROWS, device=device), "eda")
    assert (series.label, series.unit) == ("A3", "uS")
    np.testing.assert_allclose(series.values, microsiemens)


def test_opensignals_of_an_unknown_sensor_stays_in_counts(load):
    series = load("raw.txt", opensignals(ROWS, sensor=["RAW", "RAW"]), "ppg", ":A3")
    assert (series.unit, series.bits) == ("a.u.", 10)
    np.testing.assert_array_equal(series.values, [256.0, 512.0, 768.0])


def test_opensignals_that_was_converted_is_not_converted_again(load):
    series = load("eda.txt", opensignals([(1, 0, 0.1, 5.5)], convertedValues=1), "eda")
    assert series.unit == "uS"
    np.testing.assert_array_equal(series.values, [5.5])


def test_samples_lost_on_the_way_leave_a_gap(load):
    series = load("ecg.txt", opensignals([(14, 0, 1, 1), (15, 0, 2, 2), (2, 0, 3, 3)]), "ecg")
    np.testing.assert_allclose(series.times, [0.0, 0.01, 0.04])


@pytest.mark.parametrize(
    ("sequence", "bits", "numbers"),
    [
        ([14, 15, 0, 1], 4, [0, 1, 2, 3]),
        ([14, 1, 1, 2], 4, [0, 3, 4, 5]),
        ([7, 8, 12], 0, [0, 1, 5]),
        ([65535, 0, 2], 0, [0, 1, 3]),
        ([1, np.nan, 3], 4, [0, 1, 2]),
    ],
)
def test_sequence_numbers_place_samples(sequence, bits, numbers):
    np.testing.assert_array_equal(sample_numbers(np.array(sequence, dtype=float), bits), numbers)


SIMPLE = "# Simple Text Format\n# Sampling Rate (Hz):= 1000.00\n# Resolution:= 12\n# Labels:= {}\n{}"


def test_simple_text_says_rate_and_resolution(load):
    text = SIMPLE.format("EDA", "2048.0\n1024.0\n")
    series = load("eda.txt", text, "eda")
    assert (series.label, series.unit, series.rate_hz, series.bits) == ("EDA", "a.u.", 1000.0, 12)
    np.testing.assert_array_equal(series.times, [0.0, 0.001])
    converted = load("eda.txt", text, "eda", ":EDA?profile=bitalino")
    assert converted.unit == "uS"
    np.testing.assert_allclose(converted.values, [12.5, 6.25])


def test_simple_text_of_several_columns(load):
    text = SIMPLE.format("ECG\tEDA", "1.0\t2.0\n3.0\t4.0\n")
    np.testing.assert_array_equal(load("x.txt", text, "eda", ":EDA").values, [2.0, 4.0])
    np.testing.assert_array_equal(load("x.txt", text, "eda", ":0@1000").values, [1.0, 3.0])


def test_empatica_files_say_start_and_rate(load):
    series = load("BVP.csv", "1644829925.00\n64.000000\n-0.00\n1.25\n", "ppg")
    assert (series.label, series.unit, series.rate_hz, series.absolute) == ("BVP", "a.u.", 64.0, True)
    np.testing.assert_array_equal(series.times - 1644829925.0, [0.0, 1 / 64])
    assert load("EDA.csv", "1644829925.0\n4.0\n0.1\n", "eda").unit == "uS"
    assert load("HR.csv", "1644829935.0\n1.0\n85.0\n", "hr", "@1").unit == "bpm"
    acceleration = load("ACC.csv", "1644829925.0, 1644829925.0\n32.0, 32.0\n-2,3\n4,5\n", "acc", ":1")
    np.testing.assert_array_equal(acceleration.values, [3.0, 5.0])


def test_empatica_intervals_carry_the_time_of_the_beat_that_ends_them(load):
    series = load("IBI.csv", "1644829925.0, IBI\n19.5,0.75\n20.25,0.75\n25.0,0.8\n", "rr")
    assert (series.unit, series.rate_hz, series.origin_s) == ("ms", 0.0, 1644829925.0)
    np.testing.assert_array_equal(series.times - 1644829925.0, [19.5, 20.25, 25.0])
    np.testing.assert_allclose(series.values, [750.0, 750.0, 800.0])


@pytest.mark.parametrize("text", ["800 850 900", "800\n850\n900\n", "0.8, 0.85, 0.9\n"])
def test_a_list_of_intervals_in_ms_or_s(load, text):
    series = load("RR.txt", text, "rr")
    np.testing.assert_allclose(series.values, [800.0, 850.0, 900.0])
    np.testing.assert_allclose(series.times, [0.8, 1.65, 2.55])


def test_a_text_file_without_header_is_a_table(load):
    np.testing.assert_array_equal(load("rec.txt", "ecg\teda\n1\t2\n3\t4\n", "eda", ":eda@4").values, [2, 4])


@pytest.mark.parametrize(
    "case",
    [
        (
            "a.txt",
            "# OpenSignals Text File Format\n1\t2\n",
            ("ecg", ""),
            "is not that of an OpenSignals text",
        ),
        (
            "a.txt",
            "# OpenSignals Text File Format\n# {bad\n# EndOfHeader\n",
            ("ecg", ""),
            "is not that of an OpenSignals text",
        ),
        ("a.txt", opensignals([]), ("ecg", ""), "has no samples after its header"),
        ("a.txt", opensignals(ROWS), ("ecg", ":A9"), "no channel 'A9'; it has A2 (ECG), A3 (EDA)"),
        ("a.txt", opensignals(ROWS), ("ppg", ""), "no single channel that must be ppg; it has A2 (ECG)"),
        ("a.txt", opensignals(ROWS), ("rr", ":A2"), "holds samples at 100 Hz, no RR intervals"),
        ("a.txt", opensignals(ROWS), ("ecg", ":A2@250"), "says 100 Hz, the specification 250 Hz"),
        ("a.txt", opensignals([(0, 0, "x", 1)]), ("ecg", ""), "line 4: 'x' in column 'A2' is not a number"),
        (
            "a.txt",
            opensignals([(0, 0, 2000, 1)]),
            ("ecg", ""),
            "from 2000 to 2000 are not counts from 0 to 1023",
        ),
        ("a.txt", "# Simple Text Format\n1\n2\n", ("ecg", ""), "its header says no sampling rate"),
        ("a.txt", SIMPLE.format("ECG", ""), ("ecg", ""), "has no samples after its header"),
        ("a.txt", SIMPLE.format("ECG", "1\n2\nx\n3\n"), ("ecg", ""), "line 7: 'x' in column 'ECG'"),
        ("a.txt", "", ("rr", ""), "is empty"),
        ("a.txt", "800 8x0\n", ("rr", ""), "line 1: '8x0' is not an RR interval"),
        ("a.txt", "800 -5\n", ("rr", ""), "line 1: '-5' is not an RR interval"),
        ("a.txt", "8 9\n", ("rr", ""), "a median of 8.5 cannot be RR intervals"),
        ("BVP.csv", "1644829925.00\n64.000000\n", ("ppg", ""), "has no samples"),
        ("BVP.csv", "1644829925.00\n64.0\n1\n2\n", ("ppg", "@32"), "says 64 Hz, the specification 32 Hz"),
        (
            "IBI.csv",
            "1644829925.0, IBI\n1.0,0.8\n",
            ("ppg", ""),
            "holds inter-beat intervals, as in rr=IBI.csv",
        ),
        ("HR.csv", "1644829925.0\n1.0\n70\n", ("rr", ""), "holds no RR intervals"),
        ("IBI.csv", "1644829925.0, IBI\n5.0,0.8\n4.0,0.8\n", ("rr", ""), "line 3: the time goes backward"),
        ("ACC.csv", "1644829925.0, 1644829925.0\n32.0, 32.0\n-2,3\n", ("acc", ""), "2 columns: say which"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, load, case):
    name, text, spec, says = case
    with pytest.raises(SourceError) as caught:
        load(name, text, *spec)
    assert says in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)

"""``biofeedback stream``: tables and summary of recordings, and one line for what cannot be read."""

import csv
import gzip
import json

import numpy as np
import pytest

from biofeedback.cli import exit_status

RATE_HZ = 100
SECONDS = 60


@pytest.fixture
def run(capsys):
    def run(*arguments):
        status = exit_status(["stream", *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out, [line for line in printed.err.splitlines() if "biofeedback:" in line]

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An ECG of 75 beats a minute, and conductance of 5 µS with a response every 15 s, as two files."""
    folder = tmp_path_factory.mktemp("recordings")
    t = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    phase = (t % 0.8) - 0.4
    ecg = np.exp(-((phase / 0.012) ** 2)) + 0.2 * np.exp(-(((phase - 0.25) / 0.05) ** 2))
    since = np.arange(SECONDS * 4) / 4 % 15
    eda = 5 + 0.5 * (np.exp(-since / 2) - np.exp(-since / 0.7)) / 0.369
    np.savetxt(folder / "ecg.csv", ecg, header="ecg_mV", comments="", fmt="%.5f")
    np.savetxt(folder / "EDA.csv", np.concatenate(([1.6e9, 4.0], eda)), fmt="%.6f")
    return folder


def test_signals_of_two_rates_become_tables_and_a_summary(folder, run, tmp_path):
    status, out, notes = run(
        "--input", f"ecg={folder / 'ecg.csv'}@100", f"eda={folder / 'EDA.csv'}",
        "--beats", tmp_path / "b.csv", "--scrs", tmp_path / "s.csv", "--features", tmp_path / "f.csv",
        "--baseline", "20:50.5", "--json",
    )  # fmt: skip
    summary = json.loads(out)
    assert (status, notes) == (0, [])
    assert summary["median_hr_bpm"] == pytest.approx(75.0, abs=0.5)
    assert summary["median_scl_uS"] == pytest.approx(5.1, abs=0.3)
    assert 0.5 < summary["hr_given"] < 1.0
    assert summary["baseline"]["verdict"]
    assert summary["reasons"]["ecg"]

    def rows(name):
        with (tmp_path / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    beats, scrs, features = rows("b.csv"), rows("s.csv"), rows("f.csv")
    assert list(beats[0]) == ["time_s", "rr_ms", "quality", "corrected", "known_at_s"]
    assert list(scrs[0]) == ["onset_s", "peak_s", "amplitude_uS", "known_at_s"]
    contract = (
        "time_s,hr_bpm,hr_quality,rmssd_ms,scl_uS,scr_rate_per_min,phasic_auc,eda_quality,breathing_rate,"
        "activation,activation_0_100,confidence"
    )
    assert ",".join(features[0]).startswith(contract)
    assert len(beats) == summary["beats"] > 65
    assert [float(row["time_s"]) for row in features] == list(range(1, SECONDS + 1))
    assert features[0]["hr_bpm"] == ""
    assert float(features[-1]["hr_bpm"]) == pytest.approx(75.0, abs=0.5)


def test_people_are_told_in_words(folder, run):
    status, out, _ = run("--input", f"ecg={folder / 'ecg.csv'}@100")
    assert status == 0
    assert "median heart rate 75." in out
    assert "median skin conductance level not available" in out


def test_what_the_activation_is_of_is_said(run, tmp_path):
    rr = 900 + 30 * np.sin(np.arange(160) / 3)
    np.savetxt(tmp_path / "rr.csv", rr, header="rr_ms", comments="", fmt="%.1f")
    arguments = ("--input", f"rr={tmp_path}/rr.csv:rr_ms", "--baseline", "5:100")
    assert "\nactivation: heart only (" in run(*arguments)[1]
    summary = json.loads(run(*arguments, "--json")[1])
    assert list(summary["activation_of"]) == ["heart only"]
    assert summary["baseline"]["verdict"] == "good"
    assert summary["baseline"]["weights"] == "activation-1"
    assert summary["baseline"]["extend_s"] == 205


def test_a_second_signal_of_a_kind_and_acceleration_are_not_listened_to(folder, run):
    alone = run("--input", f"ecg={folder / 'ecg.csv'}@100", "--json")[1]
    beside = run(
        "--input", f"ecg={folder / 'ecg.csv'}@100", f"ecg={folder / 'ecg.csv'}@50",
        f"acc={folder / 'EDA.csv'}", "--json",
    )[1]  # fmt: skip
    assert json.loads(beside)["beats"] == json.loads(alone)["beats"]


def test_missing_signal_is_noted_and_not_invented(folder, run, tmp_path):
    lines = (folder / "ecg.csv").read_text(encoding="utf-8").splitlines()
    lines[2001:3001] = ["nan"] * 1000
    (tmp_path / "gap.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    status, _, notes = run(
        "--input", f"ecg={tmp_path / 'gap.csv'}@100", "--beats", tmp_path / "b.csv", "--json"
    )
    assert status == 0
    assert notes == ["biofeedback: note: ecg is missing from 20.0 to 30.0 s"]
    with (tmp_path / "b.csv").open(encoding="utf-8", newline="") as file:
        times = np.array([float(row["time_s"]) for row in csv.DictReader(file)])
    assert not ((times > 20.1) & (times < 30.0)).any()


def test_the_help_shows_an_example_of_every_format(run):
    status, shown, _ = run("--help")
    assert status == 0
    for example in ("rec.csv:ecg_mV@360", "100.hea:MLII", "rec.txt:A3", "BVP.csv", "RR.txt", "session.xdf:"):
        assert example in shown


TABLE = b"time_s,ecg\n" + b"".join(b"%d.5,1.25\n" % n for n in range(500))
LONELY = b"lonely 1 360 100\nlonely.dat 16 200 16 0 0 0 0 II\n"

CASES = {
    "cut.csv.gz": (gzip.compress(TABLE, mtime=0)[:-20], ":ecg", "is not a complete gzip file"),
    "plain.csv.gz": (TABLE, ":ecg", "is not a complete gzip file"),
    "bytes.csv": (bytes(range(256)) * 50, ":0@100", "is not a text file"),
    "picture.txt": (b"\x89PNG\r\n\x1a\n\0\0\0" * 50, ":0@100", "is not a text file"),
    "bytes.xdf": (bytes(range(256)) * 50, ":ecg", "is not an XDF file"),
    "bytes.hea": (bytes(range(256)) * 50, ":0", "is not a WFDB header"),
    "lonely.hea": (LONELY, ":II", "lonely.dat does not exist"),
    "headless.dat": (b"\0" * 200, ":0", "headless.hea does not exist"),
    "wrong.csv": (TABLE, ":pulse", "has no column 'pulse'; it has time_s, ecg"),
    "none.csv": (b"time_s,ecg\n", ":ecg", "has no samples"),
    "empty.csv": (b"", ":ecg", "is empty"),
    "back.csv": (TABLE + b"3.0,1\n", ":ecg", "line 502: time_s goes backward"),
    "prose.csv": (b"Once upon a time\nthere was\n", ":0@10", "is not a number"),
    "field.csv": (b'a,"' + b"x" * 200_000, ":0@10", "is not a table of numbers"),
}
"""Content, how it is asked for, and what must be said of it."""


@pytest.mark.parametrize("name", CASES)
def test_a_file_that_cannot_be_read_is_one_line_and_exit_status_2(run, tmp_path, name):
    content, where, says = CASES[name]
    (tmp_path / name).write_bytes(content)
    status, out, lines = run("--input", f"ecg={tmp_path / name}{where}")
    assert (status, out) == (2, "")
    assert len(lines) == 1
    assert says in lines[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--baseline", "40:80"), "the baseline ends at 80 s, the input at 6"),
        (("--baseline", "40"), "give two times in seconds, such as 0:120"),
        (("--baseline", "40:20"), "the first time must lie before the second"),
    ],
)
def test_a_baseline_that_cannot_be_is_refused(folder, run, arguments, says):
    status, _, lines = run("--input", f"ecg={folder / 'ecg.csv'}@100", *arguments)
    assert status == 2
    assert says in lines[0]


def test_the_threshold_of_responses_can_be_lowered_to_001_and_no_further(run, tmp_path):
    t = np.arange(90 * 32) / 32
    eda = 5 + 0.0005 * np.sin(40 * t)
    for onset, amplitude in ((20, 0.2), (40, 0.03), (60, 0.03)):
        since = np.clip(t - onset, 0, None)
        eda += amplitude * (np.exp(-since / 2) - np.exp(-since / 0.7)) / 0.369
    np.savetxt(tmp_path / "eda.csv", eda, header="eda_uS", comments="", fmt="%.6f")
    found = {}
    for threshold in ("0.05", "0.01"):
        arguments = ("--scrs", tmp_path / "scrs.csv", "--scr-threshold", threshold)
        assert run("--input", f"eda={tmp_path}/eda.csv:eda_uS@32", *arguments)[0] == 0
        with (tmp_path / "scrs.csv").open(encoding="utf-8") as file:
            found[threshold] = [float(row["onset_s"]) for row in csv.DictReader(file)]
    assert found["0.05"] == pytest.approx([20], abs=0.3)
    assert found["0.01"] == pytest.approx([20, 40, 60], abs=0.3)
    status, _, said = run("--input", f"eda={tmp_path}/eda.csv:eda_uS@32", "--scr-threshold", "0.001")
    assert status == 2
    assert "0.01<=x<=10.0" in said[0]


def test_conductance_in_no_unit_is_taken_for_microsiemens_and_this_is_said(run, tmp_path):
    eda = 5 + 0.01 * np.sin(np.arange(60 * 8) / 9)
    np.savetxt(tmp_path / "rec.csv", eda, header="EDA", comments="", fmt="%.6f")
    status, out, said = run("--input", f"eda={tmp_path}/rec.csv:EDA@8")
    assert (status, len(said)) == (0, 1)
    assert "nothing states its unit; it is taken for µS" in said[0]
    assert "5.00 µS" in out

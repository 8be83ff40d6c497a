"""Whatever cannot be done is refused in one line, with exit status 2 and nothing left behind."""

from pathlib import Path

import numpy as np
import pytest

from biofeedback.cli import exit_status


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Run a command that must be refused; return its one line."""

    def run(*arguments: str) -> str:
        before = set(tmp_path.iterdir())
        assert exit_status(list(arguments)) == 2
        captured = capsys.readouterr()
        lines = [line for line in captured.err.splitlines() if line.strip()]
        assert captured.out == ""
        assert len(lines) == 1
        assert set(tmp_path.iterdir()) == before
        return lines[0]

    return run


def run_with(spec: str, out: Path, protocol: str = "isoprinciple-relaxation") -> list[str]:
    return ["run", "--protocol", protocol, "--input", spec, "--audio", "none", "--out", str(out)]


def test_a_file_that_does_not_exist(refused, tmp_path: Path) -> None:
    assert "nowhere.csv" in refused(*run_with("ecg=nowhere.csv:ECG@100", tmp_path / "out"))


def test_a_file_that_is_no_table(refused, tmp_path: Path) -> None:
    path = tmp_path / "noise.csv"
    path.write_bytes(bytes(range(256)) * 20)
    assert "noise.csv" in refused(*run_with(f"ecg={path}:ECG@100", tmp_path / "out"))


def test_a_column_that_is_not_there(refused, tmp_path: Path, recording: Path) -> None:
    line = refused(*run_with(f"ecg={recording}:ECQ@125", tmp_path / "out"))
    assert "ECQ" in line
    assert "EDA_uS" in line


def test_a_rate_that_is_missing(refused, tmp_path: Path, recording: Path) -> None:
    assert "@" in refused(*run_with(f"ecg={recording}:ECG", tmp_path / "out"))


def test_stretches_of_nan(refused, tmp_path: Path, recording: Path) -> None:
    values = np.loadtxt(recording, delimiter=",", skiprows=1)[:, 0]
    values[1250:3750] = np.nan
    path = tmp_path / "gap.csv"
    path.write_text("ECG\n" + "\n".join(f"{value:.5f}" for value in values), encoding="utf-8")
    line = refused(*run_with(f"ecg={path}:ECG@125", tmp_path / "out"))
    assert "missing from 10.0 to 30.0 s" in line
    assert "--allow-gaps" in line


def test_a_signal_that_is_nothing_but_nan(refused, tmp_path: Path) -> None:
    path = tmp_path / "nothing.csv"
    path.write_text("ECG\n" + "nan\n" * 1000, encoding="utf-8")
    assert "nothing.csv" in refused(*run_with(f"ecg={path}:ECG@125", tmp_path / "out"))


def test_a_protocol_that_does_not_exist(refused, tmp_path: Path) -> None:
    line = refused(*run_with("listener=virtual:responder", tmp_path / "out", "isoprinciple"))
    assert "isoprinciple-relaxation" in line


def test_an_unknown_key_of_a_protocol(refused, tmp_path: Path, protocol_file: Path) -> None:
    path = tmp_path / "typo.yaml"
    text = protocol_file.read_text(encoding="utf-8").replace("layers: 4", "layres: 4")
    path.write_text(text, encoding="utf-8")
    line = refused(*run_with("listener=virtual:responder", tmp_path / "out", str(path)))
    assert "typo.yaml:10" in line
    assert "layers" in line


def test_a_lead_that_is_too_short_for_its_way(refused, tmp_path: Path) -> None:
    arguments = run_with("listener=virtual:responder", tmp_path / "out")
    line = refused(*arguments, "--set", "lead.duration_s=120")
    assert "lead" in line


NOWHERE = "ecg=serial:/dev/nothing?profile=lines&column=0&rate=250"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "--protocol", "u-arc"),
        ("run", "--protocol", "u-arc", "--input", "listener=virtual:nobody"),
        ("run", "--protocol", "u-arc", "--input", "listener=virtual:responder", "--audio", "device"),
        ("run", "--protocol", "u-arc", "--input", "listener=virtual:responder", "--lsl-out"),
        ("run", "--protocol", "u-arc", "--input", "ecg=lsl:name=Polar", "--time", "virtual"),
        ("run", "--protocol", "u-arc", "--audio", "none", "--input", NOWHERE),
        ("run", "--protocol", "u-arc", "--input", "listener=virtual:responder", "--seed", "-1"),
        ("stream", "--input", "listener=virtual:responder"),
        ("stream", "--input", "ecg"),
        ("render", "--trajectory", "nowhere.csv", "--midi", "x.mid"),
        ("report", "nowhere"),
        ("replay", "nowhere", "--midi", "x.mid"),
        ("protocols", "show", "nothing"),
        ("protocols", "validate", "nothing.yaml"),
        ("dance",),
    ],
    ids=" ".join,
)
def test_wrong_use(refused, arguments: tuple[str, ...]) -> None:
    assert refused(*arguments).startswith("biofeedback: ")

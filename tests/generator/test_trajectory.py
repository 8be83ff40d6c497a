"""Trajectories: states between rows, and one clear line for what cannot be one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import TrajectoryError
from generator.state import RANGES, Mode, MusicState
from generator.trajectory import Trajectory, load_trajectory


def load(text: str, tmp_path: Path) -> Trajectory:
    path = tmp_path / "arc.csv"
    path.write_text(text, encoding="utf-8")
    return load_trajectory(path)


def test_numbers_run_straight_and_the_rest_is_stepped(tmp_path: Path) -> None:
    arc = load(
        "time_s,tempo_bpm,mode,layers,sounding,level_db\n10,80,ionian,5,true,0\n20,60,0.2,2,0,-6\n", tmp_path
    )
    assert arc.at(15) == MusicState(tempo_bpm=70, mode=0.8, layers=5, level_db=-3)
    assert arc.at(20) == MusicState(tempo_bpm=60, mode=0.2, layers=2, sounding=False, level_db=-6)
    assert arc.times == (10, 20)


def test_the_ends_are_held_and_columns_left_out_keep_their_defaults(tmp_path: Path) -> None:
    arc = load("tempo_bpm,time_s\n80,10\n\n60,20\n", tmp_path)
    assert arc.at(0) == arc.at(10) == MusicState(tempo_bpm=80)
    assert arc.at(20) == arc.at(99) == MusicState(tempo_bpm=60)


@pytest.mark.parametrize("mode", Mode)
def test_a_mode_is_a_number_or_a_name(mode: Mode, tmp_path: Path) -> None:
    arc = load(f"time_s,mode\n0,{mode.openness}\n1,{mode.name.title()}\n", tmp_path)
    assert arc.at(0).mode == arc.at(1).mode == mode.openness


def test_spreadsheets_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "arc.csv"
    path.write_bytes(b"\xef\xbb\xbftime_s, tempo_bpm\r\n0, 60\r\n1, 70\r\n")
    assert load_trajectory(path).at(0.5).tempo_bpm == 65


VALUES = st.fixed_dictionaries(
    {name: st.floats(low, high) for name, (low, high) in RANGES.items() if name != "layers"}
)


@given(first=VALUES, second=VALUES, t=st.floats(0, 1))
def test_between_two_states_every_state_is_possible(
    first: dict[str, float], second: dict[str, float], t: float
) -> None:
    arc = Trajectory((0.0, 1.0), (MusicState(**first), MusicState(**second)))  # type: ignore[arg-type]
    state = arc.at(t)
    for name, start in first.items():
        low, high = sorted((start, second[name]))
        assert low - 1e-9 <= getattr(state, name) <= high + 1e-9


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_s,temp_bpm\n0,60\n", "line 1: unknown column 'temp_bpm'; did you mean tempo_bpm?"),
        ("time_s,zzz\n0,60\n", "line 1: unknown column 'zzz'; the columns are time_s, tempo_bpm,"),
        ("time_s,mode,mode\n0,0,0\n", "line 1: column mode stands there twice"),
        ("tempo_bpm\n60\n", "line 1: the column time_s is missing"),
        ("", "line 1: the column time_s is missing"),
        ("time_s,tempo_bpm\n", "has no rows"),
        ("time_s,tempo_bpm\n0,60\n0,70\n", "line 3, column time_s: 0 does not come after 0"),
        ("time_s,tempo_bpm\n-1,60\n", "line 2, column time_s: -1 is before the beginning"),
        (
            "time_s,tempo_bpm\n0,fast\n",
            "line 2, column tempo_bpm: 'fast' is not a number; it must be a number",
        ),
        ("time_s,tempo_bpm\n0,\n", "line 2, column tempo_bpm: '' is not a number"),
        ("time_s,tempo_bpm\n0,nan\n", "line 2, column tempo_bpm: 'nan' is not a number"),
        (
            "time_s,tempo_bpm\n0,200\n",
            "column tempo_bpm: 200 is out of range; it must be a number between 30 and",
        ),
        ("time_s,layers\n0,2.5\n", "line 2, column layers: 2.5 is out of range; it must be a whole number"),
        (
            "time_s,level_db\n0,3\n",
            "column level_db: 3 is out of range; it must be a number between -18 and 0",
        ),
        (
            "time_s,mode\n0,major\n",
            "line 2, column mode: mode 'major' does not exist; the modes are 0 phrygian,",
        ),
        ("time_s,mode\n0,0.5\n", "line 2, column mode: mode 0.5 does not exist"),
        ("time_s,sounding\n0,yes\n", "line 2, column sounding: 'yes' is neither true nor false"),
        ("time_s,tempo_bpm\n0,60,70\n", "line 2: 3 cells, 2 are needed (time_s,tempo_bpm)"),
    ],
)
def test_what_is_no_trajectory_is_refused_in_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TrajectoryError) as refusal:
        load(text, tmp_path)
    assert str(tmp_path / "arc.csv") in str(refusal.value)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "arc.csv").write_bytes(b"time_s\n\xff\xfe\n")
    with pytest.raises(TrajectoryError, match=r"arc\.csv cannot be read"):
        load_trajectory(tmp_path / "arc.csv")
    with pytest.raises(TrajectoryError, match=r"nowhere\.csv cannot be read"):
        load_trajectory(tmp_path / "nowhere.csv")

"""``biofeedback palettes``, and what is shown before sound where samples are missing."""

import json

import pytest

from biofeedback.cli import exit_status
from biofeedback.cli.palettes import DESCRIPTIONS, prepare_instruments
from generator.state import PALETTES
from generator.synthesis import palettes, sample_cache
from generator.synthesis.palettes import Palette
from generator.synthesis.sample_cache import CACHE_VARIABLE, missing, samples_folder
from tests.generator.synthesis.tiny_instruments import TINY

NAMES = tuple(TINY)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of our own, and palettes of instruments that are rendered at once."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(palettes, "instruments_of", lambda name: NAMES[: PALETTES.index(name) % 3 + 1])
    monkeypatch.setattr(Palette, "instruments", property(lambda _: NAMES[:1]))
    monkeypatch.setattr(sample_cache, "_models", lambda names, _: {name: TINY[name] for name in names})
    return samples_folder()


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))


def listed(capsys):
    capsys.readouterr()
    assert exit_status(["palettes", "list", "--json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_the_list_has_every_palette_with_a_line_and_its_size(capsys):
    rows = listed(capsys)
    assert tuple(rows) == PALETTES
    assert all(row["description"] == DESCRIPTIONS[name] for name, row in rows.items())
    assert not any(row["samples"] or row["bytes"] for row in rows.values())
    assert exit_status(["palettes", "build", PALETTES[0]]) == 0
    rows = listed(capsys)
    assert [row["samples"] for row in list(rows.values())[:3]] == [True, False, False]
    assert rows[PALETTES[0]]["bytes"] == (samples_folder() / f"{NAMES[0]}.npy").stat().st_size
    assert exit_status(["palettes", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" MB")
    assert lines[1].endswith("samples not built")


def test_all_palettes_are_built_and_each_instrument_once(cache, capsys):
    assert exit_status(["palettes", "build"]) == 0
    assert f"{cache} (3 instruments" in capsys.readouterr().out
    assert missing(NAMES, verify=True) == ()


def test_what_is_there_is_rendered_again_only_by_force(cache):
    exit_status(["palettes", "build"])
    made = (cache / "pluck.npy").stat().st_mtime_ns
    exit_status(["palettes", "build"])
    assert (cache / "pluck.npy").stat().st_mtime_ns == made
    exit_status(["palettes", "build", "--force"])
    assert (cache / "pluck.npy").stat().st_mtime_ns > made


def test_a_build_that_cannot_be_kept_is_refused_in_one_line(unwritable, capsys):
    assert exit_status(["palettes", "build"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("biofeedback: the samples of the instruments cannot be kept in ")


def test_before_sound_the_missing_instruments_are_rendered_with_a_bar(capsys):
    prepare_instruments(PALETTES[0])
    assert "preparing the instruments · pluck" in capsys.readouterr().err
    assert missing([NAMES[0]], verify=True) == ()
    prepare_instruments(PALETTES[0])
    assert capsys.readouterr().err == ""


def test_before_sound_a_note_says_that_samples_cannot_be_kept(unwritable, capsys):
    prepare_instruments(PALETTES[0])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("biofeedback: note: the samples of the instruments cannot be kept in ")


WRONG = "based_on: deep-drone\nlayers:\n  melody:\n    soundfont: gone.sf2\n"


def test_a_palette_file_that_is_right_says_what_plays(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("description: mine\nbased_on: deep-drone\nlayers:\n  melody: {instrument: harp}\n")
    assert exit_status(["palettes", "check", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mine"
    assert "melody    harp" in lines
    assert lines[-1] == f"{path} can be used: --palette {path}"


def test_a_palette_file_that_is_wrong_says_what_would_be_right(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("based_on: deep-dron\nlayers:\n  melody:\n    voices: 0\n")
    assert exit_status(["palettes", "check", str(path)]) != 0
    said = capsys.readouterr().err
    assert f"{path}, line 4: layers.melody.voices must be a whole number from 1 to 16" in said
    path.write_text("based_on: deep-dron\nlayers:\n  melody:\n    bus: cold\n")
    assert exit_status(["palettes", "check", str(path)]) != 0
    said = capsys.readouterr().err
    assert "line 1: based_on 'deep-dron' is no built-in palette" in said
    assert "line 4: layers.melody.bus must be warm or clear" in said
    assert exit_status(["palettes", "check", "mine.txt"]) != 0
    assert "its name must end in .yaml or .yml" in capsys.readouterr().err


def test_a_faulty_palette_is_one_line_before_the_sound(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text(WRONG)
    assert prepare_instruments(str(path)) == "deep-drone"
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("biofeedback: note")]
    assert len(notes) == 1
    assert f"{path}, line 4: layers.melody.soundfont: there is no file" in notes[0]
    assert notes[0].endswith("The palette deep-drone plays instead.")


def test_the_option_takes_names_and_files_only(capsys):
    asked = ["soundcheck", "--audio", "none", "--palette"]
    assert exit_status([*asked, "mine"]) != 0
    assert "no palette file (.yaml)" in capsys.readouterr().err
    assert exit_status([*asked, "mine.yaml"]) != 0
    assert "nothing to do" in capsys.readouterr().err

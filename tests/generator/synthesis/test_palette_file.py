"""Palette files: what they put into a built-in palette, and every fault with its line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.composition.composer import Composer
from generator.errors import StateError
from generator.preferences import Preferences
from generator.state import LAYERS, PALETTES, Piece
from generator.synthesis import sample_cache
from generator.synthesis.palette_file import COMPOSED_NOTES
from generator.synthesis.palette_resolution import load_samples, main, resolve_palette
from generator.synthesis.palettes import BY_NAME
from generator.synthesis.resolved_palette import PaletteFaultReason
from generator.synthesis.sample_set import SampledInstrument
from tests.generator.synthesis.soundfont_writer import Generator, Preset, both, looped, written

WHOLE = """\
description: test
based_on: warm-pads
rooms: felt-piano
layers:
  bells:
    soundfont: sounds/test.sf2
    preset: Piano
    gain_db: -3
    transpose: -12
    range: [60, 84]
    release_s: [1.5, 0.5]
    pans: [-0.2, 0.2]
    bus: warm
    voices: 5
  melody:
    instrument: harp
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sounds").mkdir()
    zone = {Generator.KEY_RANGE: both(40, 90), Generator.SAMPLE_MODES: 1, Generator.SAMPLE: 0}
    written(tmp_path / "sounds" / "test.sf2", [looped()], [Preset([zone])])
    return tmp_path


def resolved(folder, text):
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return resolve_palette(str(path))


def faults(folder, text):
    found = resolved(folder, text)
    return [(each.line, each.reason, each.key, each.detail) for each in found.faults]


def test_a_file_changes_what_it_names_and_nothing_else(folder):
    read = resolved(folder, WHOLE)
    assert read.faults == ()
    base = BY_NAME["warm-pads"]
    bells, melody = read.palette.sounds["bells"], read.palette.sounds["melody"]
    assert (bells.level_db, bells.transpose, bells.release_s) == (-3.0, -12, (1.5, 0.5))
    assert (bells.pans, bells.bus, bells.voices) == ((-0.2, 0.2), "warm", 5)
    assert bells.attack_s == base.sounds["bells"].attack_s
    assert melody.instrument == "harp"
    assert melody.level_db == base.sounds["melody"].level_db
    assert read.palette.rooms == BY_NAME["felt-piano"].rooms
    untouched = set(LAYERS) - {"bells", "melody"}
    assert all(read.palette.sounds[layer] == base.sounds[layer] for layer in untouched)
    assert read.description == "test"


def test_its_notes_are_rendered_into_the_cache_once(folder, monkeypatch):
    monkeypatch.setenv(sample_cache.CACHE_VARIABLE, str(folder / "cache"))
    # Only the SoundFont is rendered: built-in instruments have tests of their own.
    layers = "\n".join(f"  {layer}: {{soundfont: sounds/test.sf2, range: [48, 72]}}" for layer in LAYERS)
    read = resolved(folder, f"based_on: warm-pads\nlayers:\n{layers}\n")
    names = read.palette.instruments
    assert set(names) == set(read.instruments)
    assert sample_cache.missing(names) == names
    assert main([str(folder / "mine.yaml")]) == 0
    assert sample_cache.missing(names, verify=True) == ()
    rendered = []
    library = load_samples(read, progress=lambda share, name: rendered.append(name))
    assert rendered == []
    for layer in LAYERS:
        sound = read.palette.sounds[layer]
        played = SampledInstrument(library.sets[sound.instrument])
        for pitch in range(*COMPOSED_NOTES[layer]):
            assert abs(played.placed(pitch + sound.transpose)[1]) <= 1


@pytest.mark.parametrize(
    ("text", "line", "key", "detail"),
    [
        ("layers: {}", 1, "based_on", "is missing; it must be the name of a built-in palette"),
        ("based_on: warm-pad", 1, "based_on", "did you mean 'warm-pads'?"),
        ("based_on: warm-pads\nlayer: {}", 2, "layer", "is no key; there are based_on, rooms"),
        ("based_on: warm-pads\nlayers:\n  mellody: {}", 3, "layers.mellody", "did you mean 'melody'?"),
        ("based_on: warm-pads\nlayers:\n  melody: harp", 3, "layers.melody", "must be keys such as"),
        (
            "based_on: warm-pads\nlayers:\n  melody:\n    instrument: hrap",
            4,
            "layers.melody.instrument",
            "did you mean 'harp'?",
        ),
        (
            "based_on: warm-pads\nlayers:\n  melody:\n    instrument: harp\n    gain_db: loud",
            5,
            "layers.melody.gain_db",
            "must be a number of dB from -60 to 24",
        ),
        (
            "based_on: warm-pads\nlayers:\n  melody:\n    soundfont: sounds/test.sf2\n    range: [60, 65]",
            5,
            "layers.melody.range",
            "must span an octave",
        ),
        (
            "based_on: warm-pads\nlayers:\n  melody:\n    instrument: harp\n    bank: 3",
            5,
            "layers.melody.bank",
            "is for a SoundFont",
        ),
        (
            "based_on: warm-pads\nlayers:\n  melody:\n    instrument: harp\n    soundfont: sounds/test.sf2",
            5,
            "layers.melody.soundfont",
            "leave one of them out",
        ),
        ("based_on: warm-pads\nlayers:\n  air:\n    bus: cold", 4, "layers.air.bus", "warm or clear"),
        ("- a list", 1, "", "holds no palette"),
        ("", 1, "", "holds no palette"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(folder, text, line, key, detail):
    found = faults(folder, text)
    assert [each[:3] for each in found] == [(line, PaletteFaultReason.FIELD, key)]
    assert detail in found[0][3]


@pytest.mark.parametrize(
    ("values", "reason", "line", "detail"),
    [
        (["soundfont: gone.sf2"], PaletteFaultReason.SOUNDFONT, 4, "there is no file"),
        (['soundfont: "a\\0b.sf2"'], PaletteFaultReason.SOUNDFONT, 4, "there is no file"),
        (["soundfont: sounds"], PaletteFaultReason.SOUNDFONT, 4, "cannot be read"),
        ([f"soundfont: {'a' * 5000}.sf2"], PaletteFaultReason.SOUNDFONT, 4, "cannot be read"),
        (["soundfont: mine.yaml"], PaletteFaultReason.SOUNDFONT, 4, "a whole .sf2 file is needed"),
        (["soundfont: sounds/test.sf2", "preset: Flute"], PaletteFaultReason.PRESET, 5, "has 0:0 Piano"),
        (["soundfont: sounds/test.sf2", "bank: 8"], PaletteFaultReason.PRESET, 4, "in bank 8"),
        (["soundfont: sounds/test.sf2", "range: [30, 50]"], PaletteFaultReason.RANGE, 5, "has 40 to 90"),
    ],
)
def test_a_soundfont_that_cannot_be_used_is_named_and_the_base_plays(folder, values, reason, line, detail):
    text = "based_on: harp-bells\nlayers:\n  pad:\n" + "".join(f"    {value}\n" for value in values)
    read = resolved(folder, text)
    assert (read.fault.reason, read.fault.line) == (reason, line)
    assert detail in read.fault.detail
    assert (read.instead, read.palette) == ("harp-bells", BY_NAME["harp-bells"])


@pytest.mark.parametrize(
    ("text", "line", "detail"),
    [
        (b"based_on: [", 1, "indent with spaces"),
        (b"based_on: a\nbased_on: b", 2, "given twice, first in line 1"),
        (b"a: &x [1]\nb: *x", 2, "an alias"),
        (b"a: " + b"[" * 5000, 1, "nested too deeply"),
        (b"a: \x00", 1, "write plain YAML"),
        (b"a: !!python/object:os.system {}", 1, "could not determine a constructor"),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line(folder, text, line, detail):
    (folder / "mine.yaml").write_bytes(text)
    fault = resolve_palette(str(folder / "mine.yaml")).fault
    assert (fault.reason, fault.line) == (PaletteFaultReason.SYNTAX, line)
    assert detail in fault.detail


def test_a_missing_or_unreadable_file_is_named_and_the_first_palette_plays(folder):
    gone = resolve_palette(str(folder / "gone.yaml"))
    assert (gone.fault.reason, gone.instead) == (PaletteFaultReason.MISSING, PALETTES[0])
    (folder / "folder.yaml").mkdir()
    assert resolve_palette(str(folder / "folder.yaml")).fault.reason is PaletteFaultReason.UNREADABLE
    assert resolve_palette("a" * 5000 + ".yaml").fault.reason is PaletteFaultReason.UNREADABLE
    (folder / "latin.yaml").write_bytes(b"a: 1\ndescription: \xe9")
    fault = resolve_palette(str(folder / "latin.yaml")).fault
    assert (fault.reason, fault.line) == (PaletteFaultReason.UNREADABLE, 2)
    (folder / "long.yaml").write_bytes(b"#" * 200_000)
    assert resolve_palette(str(folder / "long.yaml")).fault.reason is PaletteFaultReason.UNREADABLE


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["based_on", "layers", "melody", "range", "pans", "preset", "x"]), inner
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_stands_in_a_file_is_a_palette_or_a_fault(folder, data):
    read = resolved(folder, yaml.safe_dump(data, allow_unicode=True))
    for fault in read.faults:
        assert fault.line >= 1
        assert "\n" not in fault.detail


def test_a_piece_may_name_a_file_and_is_composed_alike_whatever_is_in_it():
    piece = Piece(palette="mine.yaml", seed=3)
    assert Preferences(palette="yours.yml").applied_to(piece).palette == "yours.yml"
    Composer(piece)
    with pytest.raises(StateError, match=r"files of one's own whose names end in \.yaml or \.yml"):
        Piece(palette="mine.txt")


def test_the_documents_example_can_be_used(tmp_path):
    text = (Path(__file__).parents[3] / "docs" / "palettes.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    zone = {Generator.SAMPLE_MODES: 1, Generator.SAMPLE: 0}
    presets = [
        Preset([zone], name=name, bank=bank, number=number)
        for name, bank, number in (("Grand Piano", 0, 0), ("Celesta", 0, 8), ("Slow Strings", 0, 49))
    ]
    written(tmp_path / "piano.sf2", [looped()], presets)
    written(tmp_path / "orchestra.sf2", [looped()], presets)
    assert resolved(tmp_path, example).faults == ()

"""Scales, chord loops and the way voices move between chords."""

from itertools import pairwise

import pytest

from generator.harmony import LADDER, Chord, Scale, step_towards, strain, tonic_chord
from generator.state import Mode
from generator.voicing import MAX_STEP, Choir

PAD = Choir(voices=4, low=54, high=72, gap=5.0)


def test_neighbours_on_the_ladder_differ_by_one_pitch_class() -> None:
    for lower, higher in pairwise(LADDER):
        assert len(set(higher.steps) - set(lower.steps)) == 1


def test_the_ladder_is_climbed_one_rung_at_a_time() -> None:
    assert step_towards(Mode.PHRYGIAN, Mode.LYDIAN) is Mode.AEOLIAN
    assert step_towards(Mode.LYDIAN, Mode.DORIAN) is Mode.IONIAN
    assert step_towards(Mode.DORIAN, Mode.DORIAN) is Mode.DORIAN


@pytest.mark.parametrize(
    ("name", "root", "bass", "degrees"),
    [
        ("I9", 0, 0, (0, 2, 4, 6, 1)),
        ("IIadd9/I", 1, 0, (1, 3, 5, 2)),
        ("V9sus", 4, 4, (4, 0, 1, 3, 5)),
        ("I6/9", 0, 0, (0, 2, 4, 5, 1)),
        ("I11", 0, 0, (0, 2, 4, 6, 3)),
    ],
)
def test_chord_names_are_read_as_musicians_read_them(
    name: str, root: int, bass: int, degrees: tuple[int, ...]
) -> None:
    assert Chord.parse(name) == Chord(name, root, bass, degrees)


def test_a_name_that_is_no_chord_is_refused() -> None:
    with pytest.raises(ValueError, match="'H7' is not a chord"):
        Chord.parse("H7")


@pytest.mark.parametrize("mode", Mode)
def test_no_chord_holds_a_minor_ninth_above_its_root(mode: Mode) -> None:
    for closed in (False, True):
        for chord in strain(mode, closed=closed):
            above = {(mode.steps[degree] - mode.steps[chord.root]) % 12 for degree in chord.degrees}
            assert 1 not in above, chord.name


@pytest.mark.parametrize("mode", Mode)
def test_the_closed_strain_comes_home_and_the_open_one_does_not(mode: Mode) -> None:
    assert [chord.root for chord in strain(mode, closed=True)[-2:]] == [0, 0]
    assert strain(mode, closed=False)[-1].root != 0
    assert tonic_chord(mode).bass == 0


def test_tone_35_is_the_tonic_at_or_above_middle_c() -> None:
    assert [Scale(2, Mode.DORIAN).pitch(tone) for tone in range(35, 43)] == [62, 64, 65, 67, 69, 71, 72, 74]
    assert Scale(2, Mode.DORIAN).nearest(70.4) == 40
    assert Scale(2, Mode.DORIAN).nearest(61, degrees=(2,)) == 37


@pytest.mark.parametrize("tonic", range(12))
def test_voices_move_two_semitones_at_most_and_never_cross(tonic: int) -> None:
    voices = None
    path = [*LADDER, *LADDER[::-1]] * 2
    for i, mode in enumerate(path):
        for slot in range(0, 8, 1 + i % 2):
            chord = strain(mode, closed=bool(i // 2 % 2))[slot]
            scale = Scale(tonic, mode)
            before, voices = voices, PAD.lead(voices, chord, scale)
            assert {pitch % 12 for pitch in voices} <= scale.classes(chord.degrees)
            assert all(a <= b for a, b in pairwise(voices))
            assert min(voices) >= PAD.low - MAX_STEP
            assert max(voices) <= PAD.high + MAX_STEP
            if before:
                assert all(abs(a - b) <= MAX_STEP for a, b in zip(before, voices, strict=True))


def test_common_tones_are_held() -> None:
    scale = Scale(0, Mode.IONIAN)
    before = PAD.lead(None, Chord.parse("I9"), scale)
    after = PAD.lead(before, Chord.parse("VI9"), scale)
    common = scale.classes(Chord.parse("VI9").degrees)
    held = [a == b for a, b in zip(before, after, strict=True) if a % 12 in common]
    assert held
    assert all(held)

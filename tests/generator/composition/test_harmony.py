"""Scales, chord loops and the way voices move between chords."""

from dataclasses import replace
from itertools import pairwise

import pytest

from generator.composition.harmony import (
    MODE_ORDER,
    Chord,
    Scale,
    characteristic_degrees,
    chord_vocabulary,
    pivot_chord,
    resting_chord,
    step_towards,
)
from generator.composition.voice_leading import (
    MAX_STEP,
    MAX_TOP_STEP,
    BassMotion,
    SoundingNote,
    VoiceGroup,
    rubs,
)
from generator.state import Mode

PAD = VoiceGroup(voices=4, low=54, high=72, gap=5.0, pitches=4)
BELOW = VoiceGroup(voices=4, low=55, high=70, gap=6.5, pitches=3)


def test_neighbours_on_the_ladder_differ_by_one_pitch_class() -> None:
    for lower, higher in pairwise(MODE_ORDER):
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


def chords(mode: Mode) -> list[Chord]:
    says = chord_vocabulary(mode)
    pairs = (*says.openings, *says.questions, *says.ways_home, *says.homes)
    return [resting_chord(mode), *(chord for pair in pairs for chord in pair)]


@pytest.mark.parametrize("mode", Mode)
def test_no_chord_holds_a_minor_ninth_above_its_root(mode: Mode) -> None:
    for chord in chords(mode):
        above = {(mode.steps[degree] - mode.steps[chord.root]) % 12 for degree in chord.degrees}
        assert 1 not in above, chord.name


@pytest.mark.parametrize("mode", Mode)
def test_phrases_open_and_close_on_the_tonic_and_ask_elsewhere(mode: Mode) -> None:
    says = chord_vocabulary(mode)
    assert {pair[0].root for pair in (*says.openings, *says.homes)} == {0}
    assert 0 not in {pair[0].root for pair in (*says.questions, *says.ways_home)}
    assert resting_chord(mode).bass == 0


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_has_what_tells_it_in_the_chords_of_its_questions(mode: Mode) -> None:
    for first, _ in chord_vocabulary(mode).openings:
        for second, _ in chord_vocabulary(mode).questions:
            assert characteristic_degrees(mode) <= {*first.degrees, *second.degrees}


def test_a_pivot_belongs_to_both_modes() -> None:
    for lower, higher in pairwise(MODE_ORDER):
        chord = pivot_chord(lower, higher)
        assert chord == pivot_chord(higher, lower)
        assert chord.root == 0
        assert Scale(0, lower).classes(chord.degrees) == Scale(0, higher).classes(chord.degrees)


def test_tone_35_is_the_tonic_at_or_above_middle_c() -> None:
    assert [Scale(2, Mode.DORIAN).pitch(tone) for tone in range(35, 43)] == [62, 64, 65, 67, 69, 71, 72, 74]
    assert Scale(2, Mode.DORIAN).nearest(70.4) == 40
    assert Scale(2, Mode.DORIAN).nearest(61, degrees=(2,)) == 37


@pytest.mark.parametrize("choir", [PAD, BELOW], ids=["apart", "in unison"])
@pytest.mark.parametrize("tonic", range(12))
def test_voices_move_two_semitones_at_most_and_never_cross(tonic: int, choir: VoiceGroup) -> None:
    voices = None
    low = None
    for i, mode in enumerate([*MODE_ORDER, *MODE_ORDER[::-1]] * 2):
        for chord in chords(mode)[i % 2 :: 2]:
            scale = Scale(tonic, mode)
            outer = BassMotion(low, scale.pitches((chord.bass,), 36, 47)[0])
            before, voices = voices, choir.lead(voices, chord, scale, bass_motion=outer)
            low = outer.now
            assert {pitch % 12 for pitch in voices} <= scale.classes(chord.degrees)
            assert all(a <= b for a, b in pairwise(voices))
            assert choir.low - 4 <= min(voices)
            assert max(voices) <= choir.high + 6
            if before:
                steps = [abs(a - b) for a, b in zip(before, voices, strict=True)]
                assert max(steps[:-1]) <= MAX_STEP
                assert steps[-1] <= MAX_TOP_STEP
                assert not outer.parallel(before[-1], voices[-1])


def test_voices_in_unison_keep_a_low_chord_open() -> None:
    def close(choir: VoiceGroup) -> int:
        voices, found = None, 0
        for mode in MODE_ORDER:
            for chord in chords(mode):
                voices = choir.lead(voices, chord, Scale(0, mode))
                found += sum(0 < b - a <= 2 for a, b in pairwise(voices))
        return found

    assert 0 < close(BELOW) < close(replace(BELOW, pitches=4)) / 2


def test_parallels_are_known_by_ear() -> None:
    assert BassMotion(43, 36).parallel(74, 67)
    assert BassMotion(43, 36).parallel(79, 84)
    assert not BassMotion(43, 36).parallel(74, 72)
    assert not BassMotion(43, 43).parallel(74, 67)
    assert not BassMotion(None, 36).parallel(74, 67)


def test_common_tones_are_held() -> None:
    scale = Scale(0, Mode.IONIAN)
    before = PAD.lead(None, Chord.parse("I9"), scale)
    after = PAD.lead(before, Chord.parse("VI9"), scale)
    common = scale.classes(Chord.parse("VI9").degrees)
    held = [a == b for a, b in zip(before, after, strict=True) if a % 12 in common]
    assert held
    assert all(held)


@pytest.mark.parametrize("mode", Mode)
def test_a_group_makes_way_for_a_melody_that_would_rub(mode: Mode) -> None:
    scale = Scale(0, mode)
    chord = Chord.parse("I9")
    for tone in range(35, 49):
        sung = scale.pitch(tone)
        voices = BELOW.lead(None, chord, scale, heard=[SoundingNote(sung, 4.0)])
        assert not any(rubs(voice, sung) for voice in voices)

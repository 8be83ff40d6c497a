"""Measures of notes, on small pieces whose measures are known."""

import math
import random

import numpy as np
import pytest

from benchmarks import note_measures as measured
from benchmarks.note_measures import notes_of, read_notes

MELODY, PAD = "melody", "pad"


def line(pitches, beats=1.0, layer=MELODY, velocity=60, start=0.0):
    """Return notes that follow each other, at 60 beats a minute."""
    return [
        (start + i * beats, beats, start + i * beats, pitch, velocity, layer)
        for i, pitch in enumerate(pitches)
    ]


def held(chords, bars=1, layer=PAD):
    """Return chords that last so many bars of four beats each."""
    length = 4.0 * bars
    return [
        (i * length, length, i * length, pitch, 60, layer)
        for i, chord in enumerate(chords)
        for pitch in chord
    ]


class TestNotes:
    def test_a_table_is_read_in_the_order_of_beats(self, tmp_path):
        table = tmp_path / "events.csv"
        table.write_text(
            "time_s,duration_s,beat,bar,pitch,velocity,layer\n"
            "2,1,3,1,64,60,melody\n0,4,0,0,48,50,bass\n0,1,0,0,60,55,bells\n"
        )
        notes = read_notes(table, beats_per_bar=3.0)
        assert notes.pitch.tolist() == [48, 60, 64]
        assert notes.bar.tolist() == [0, 0, 1]
        assert notes.melody.pitch.tolist() == [64]
        assert notes.accompaniment.pitch.tolist() == [48, 60]
        assert notes.held.pitch.tolist() == [48]
        assert notes.first_bars(1).pitch.tolist() == [48, 60]

    def test_a_rounded_onset_belongs_to_the_bar_it_begins(self):
        assert notes_of([(0, 1, 11.9999999, 60, 60, MELODY)]).bar.tolist() == [3]

    def test_a_piece_without_notes_has_none_in_any_part(self):
        assert len(notes_of([]).melody) == 0


class TestMelody:
    def test_a_transposed_tune_has_the_same_moves(self):
        tune = line([60, 62, 64, 65, 67, 69, 71, 72])
        up = line([67, 69, 71, 72, 74, 76, 78, 79])
        assert measured.melody_moves(notes_of(tune)) == measured.melody_moves(notes_of(up)) == [(1, 4)] * 7

    def test_a_long_wait_counts_as_eight_beats(self):
        assert measured.melody_moves(notes_of(line([60, 67], beats=20.0))) == [(4, 32)]

    def test_a_tune_that_comes_back_on_another_step_returns(self):
        turn = [(1, 4), (2, 4), (-1, 2), (-3, 6), (1, 4), (1, 2), (-2, 8)]
        between = [(i, 1) for i in range(10, 20)]
        assert measured.melody_return(turn + between + turn) == pytest.approx(16 / 25)
        assert measured.melody_return(turn[:6] + between + turn[:6]) == 0.0

    def test_places_that_overlap_are_no_return(self):
        assert measured.melody_return([(1, 4)] * 13) == 0.0  # 14 notes: two rows of eight cannot lie apart
        assert measured.melody_return([(1, 4)] * 15) == 1.0

    def test_order_makes_a_pattern_easier_to_guess_and_chance_does_not(self):
        rng = random.Random(3)
        pattern = [(1, 4), (2, 2), (-3, 2), (1, 8), (-1, 4)] * 30
        assert measured.compression_gain(pattern) > 0.7
        assert abs(measured.compression_gain(rng.sample(pattern, len(pattern)))) < 0.05


class TestHarmony:
    def test_a_semitone_and_a_minor_ninth_below_rub(self):
        chords = notes_of(held([(59,), (47,), (61,), (58,)]))  # under C4: semitone, ninth; above it; a tone
        tune = notes_of([(4.0 * i, 2.0, 4.0 * i, 60, 60, MELODY) for i in range(4)])
        assert measured.rub_share(tune, chords) == pytest.approx(0.5)

    def test_only_the_time_that_both_sound_counts_and_once(self):
        chords = notes_of([(0.0, 1.0, 0.0, 59, 60, PAD), (0.0, 0.5, 0.0, 47, 60, PAD)])
        assert measured.rub_share(notes_of([(0.0, 4.0, 0.0, 60, 60, MELODY)]), chords) == pytest.approx(0.25)

    def test_notes_last_as_many_beats_as_pass_meanwhile(self):
        # Two seconds a beat, then one.
        rows = [(0.0, 6.0, 0.0, 60, 60, PAD), (4.0, 1.0, 2.0, 60, 60, PAD), (8.0, 1.0, 6.0, 60, 60, PAD)]
        assert measured.beats_held(notes_of(rows)) == pytest.approx([4.0, 1.0, 0.75])

    def test_the_root_is_the_lowest_note_as_the_bar_begins(self):
        chords = held([(36, 60, 64, 67), (41, 60, 65, 69), (43, 59, 62, 67)])
        assert measured.bar_roots(notes_of(chords)).tolist() == [0, 5, 7]

    def test_a_bass_that_moves_to_the_third_keeps_the_chord(self):
        chords = held([(36, 60, 64, 67), (40, 60, 64, 67), (36, 60, 64, 67), (43, 55, 60, 64)])
        assert measured.bar_roots(notes_of(chords)).tolist() == [0, 0, 0, 0]

    def test_a_rolled_chord_begins_at_its_bar_line(self):
        roll = [(0.1 * i, 3.0, 0.1 * i, pitch, 60, PAD) for i, pitch in enumerate((64, 60, 48))]
        assert measured.bar_roots(notes_of(roll)).tolist() == [0]

    def test_a_phrase_writes_a_root_once_where_it_stays(self):
        roots = np.array([0, 0, 5, 7, 0, 5, 5, 7, 9])
        assert measured.chord_phrases(roots) == [(0, 5, 7), (0, 5, 7)]


class TestForm:
    def test_a_piece_that_stays_has_no_more_form_than_chance(self):
        rng = random.Random(1)
        rows = [
            (4.0 * bar, 1.0, 4.0 * bar, rng.randint(55, 75), rng.randint(40, 80), PAD) for bar in range(256)
        ]
        share, by_chance = measured.form_share(notes_of(rows))
        assert share == pytest.approx(by_chance, abs=0.03)

    def test_a_piece_of_eight_levels_is_all_form(self):
        rows = [(4.0 * bar, 1.0, 4.0 * bar, 50 + bar // 8, 60, PAD) for bar in range(64)]
        assert measured.form_share(notes_of(rows)).share == pytest.approx(1.0)

    def test_form_of_loudness_is_none_at_one_velocity(self):
        rng = random.Random(1)
        rows = [(4.0 * bar, 1.0, 4.0 * bar, rng.randint(55, 75), 40 + bar // 32, PAD) for bar in range(256)]
        assert measured.form_share(notes_of(rows)).share > 0.5
        assert measured.form_share(measured.same_loudness(notes_of(rows))).share < 0.1

    def test_a_short_piece_has_no_form_to_measure(self):
        assert math.isnan(measured.form_share(notes_of(line([60] * 40))).share)

    def test_four_bars_that_come_again_return(self):
        rng = random.Random(0)
        theme = [rng.randint(60, 72) for _ in range(16)]
        other = [rng.randint(73, 90) for _ in range(16)]
        assert measured.bars_returning(notes_of(line(theme + other + theme))) == pytest.approx(8 / 12)
        assert measured.bars_returning(notes_of(line(theme + other))) == 0.0

    def test_bars_of_three_beats_are_compared_by_their_own_length(self):
        theme = [60, 64, 67, 65, 62, 59, 60, 62, 64, 72, 71, 69]
        rows = line([*theme, *range(40, 52), *theme])
        assert measured.bars_returning(notes_of(rows, beats_per_bar=3.0)) == pytest.approx(8 / 12)

    def test_silent_bars_do_not_return(self):
        rows = line(range(60, 76)) + line(range(80, 96), start=48.0)
        assert measured.bars_returning(notes_of(rows)) == 0.0


class TestTouch:
    def test_chords_are_what_begins_within_sixty_milliseconds(self):
        times = np.array([0.0, 0.0002, 1.0, 1.02, 1.04, 2.0])
        touch = measured.chord_touch(times)
        assert touch.together == pytest.approx(0.5)
        assert touch.spread_ms == pytest.approx(20.1)

    def test_single_notes_are_no_chords(self):
        assert math.isnan(measured.chord_touch(np.array([0.0, 1.0])).together)


class TestDistances:
    def test_what_is_alike_is_not_apart_and_what_shares_nothing_is_one_apart(self):
        up, down = [(1, 4)] * 160, [(-1, 2)] * 160
        assert measured.tune_distances([up, up]) == (pytest.approx(0.0), pytest.approx(0.0))
        assert measured.tune_distances([up, down]) == (pytest.approx(1.0), pytest.approx(0.0))
        assert measured.tune_distances([up[:80] + down[:80], up]).within == pytest.approx(0.5)


def test_a_piece_is_measured_as_far_as_its_notes_allow():
    found = measured.measures(notes_of(held([(48, 60, 64)] * 20)))
    assert found["tonic_bars"] == 1.0
    assert found["chord_phrases"] == 1.0
    assert found["chords_exactly_together"] == 1.0
    assert found["form_share"] == 0.0
    assert not {"melody_return", "rub_share", "chord_phrases_in_16"} & found.keys()

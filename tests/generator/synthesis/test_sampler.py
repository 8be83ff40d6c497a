"""The sampler: notes at their frames, in tune, in loops without a seam, louder and brighter with velocity."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.score import BLOCK_FRAMES, SAMPLE_RATE
from generator.synthesis.instruments.sample import Loop, Sample
from generator.synthesis.sample_set import SEMITONE, SampledInstrument, SampleSet
from generator.synthesis.sampler import Sampler, Transposer
from generator.synthesis.voices import StartedNote, Voice, VoiceFrame
from tests.generator.synthesis.sampled_tones import decaying, held, sine

EIGHT_HOURS = 8 * 3600 * SAMPLE_RATE // BLOCK_FRAMES * BLOCK_FRAMES


def voice(pan=0.0, bus="clear"):
    return Voice("x", 0, 0.0, pan, bus)


CENTRE = voice()


def playing(instrument, notes, blocks, *, voices=(CENTRE,), level=1.0, start=0):
    """Sound of notes (voice, frame, pitch, velocity) at a constant level, shape (buses, 2, frames)."""
    sampler, begun, heard = Sampler(tuple(voices), {"x": instrument}), set(), []
    for first in range(start, start + blocks * BLOCK_FRAMES, BLOCK_FRAMES):
        started = [
            StartedNote(number, start + frame - first, pitch, velocity)
            for number, frame, pitch, velocity in notes
            if first <= start + frame < first + BLOCK_FRAMES
        ]
        begun |= {note.voice for note in started}
        levels = np.full(len(begun), level)
        heard.append(sampler.process(VoiceFrame(started, np.array(sorted(begun)), levels, levels), first))
    return np.concatenate(heard, axis=-1)


def left(sound):
    return sound[:, 0].sum(axis=0)


@pytest.mark.parametrize("frame", [0, 1, 799, 800, 1234])
def test_a_note_from_its_own_sample_is_that_sample_at_its_frame(frame):
    sound = left(playing(decaying([60]), [(0, frame, 60, 64)], 30))
    expected = sine(60, 1.0)[: sound.size - frame, 0]
    assert not sound[:frame].any()
    assert np.abs(sound[frame:] - expected).max() < 1e-4  # the samples have 16 bits


@pytest.mark.parametrize("start", [0, EIGHT_HOURS])
@pytest.mark.parametrize("semitones", [-1, 1])
def test_a_transposed_note_is_in_tune_and_begins_within_a_frame(semitones, start):
    sound = left(playing(held([60], 0.7), [(0, 700, 60 + semitones, 64)], 120, start=start))
    at = np.arange(sound.size) - 700
    hertz = 440.0 * 2 ** ((60 + semitones - 69) / 12)
    both = np.stack(
        (np.sin(2 * np.pi * hertz * at / SAMPLE_RATE), np.cos(2 * np.pi * hertz * at / SAMPLE_RATE))
    )
    for second in (slice(2000, 20_000), slice(-20_000, None)):  # a tenth of a cent makes 0.02 of a period
        part = both[:, second] @ sound[second] * 2 / sound[second].size
        assert np.hypot(*part) == pytest.approx(0.5, rel=0.01)
        assert abs(np.arctan2(part[1], part[0])) < 0.35
    assert np.flatnonzero(sound)[0] in range(696, 703)


@pytest.mark.parametrize("ratio", [SEMITONE, SEMITONE[::-1]])
@pytest.mark.parametrize("hertz", [200.0, 2000.0, 10_000.0])
def test_transposing_adds_nothing_that_could_be_heard(ratio, hertz):
    transposer, heard = Transposer(ratio), []
    for start in range(0, 40 * BLOCK_FRAMES, BLOCK_FRAMES):
        read = np.arange(*transposer.span(start))
        wave = np.sin(2 * np.pi * hertz * read / SAMPLE_RATE).astype(np.float32)
        heard.append(transposer.process(np.repeat(wave[:, None], 4, axis=1), start)[:, 0])
    sound = np.concatenate(heard)[BLOCK_FRAMES:]
    turn = 2 * np.pi * hertz * ratio[0] / ratio[1] * np.arange(sound.size) / SAMPLE_RATE
    both = np.stack((np.sin(turn), np.cos(turn)), axis=1)
    rest = sound - both @ np.linalg.lstsq(both, sound, rcond=None)[0]
    assert 20 * np.log10(np.std(rest) / np.std(sound)) < -58.0


@given(blocks=st.integers(1, 40), number=st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_blocks_need_consecutive_frames_however_long_the_session(blocks, number):
    for ratio in (SEMITONE, SEMITONE[::-1]):
        transposer = Transposer(ratio)
        spans = [transposer.span((number + block) * BLOCK_FRAMES) for block in range(blocks + 1)]
        assert all(before[1] == after[0] for before, after in pairwise(spans))


def test_a_held_note_goes_on_in_its_loop_without_a_seam():
    sound = left(playing(held([69], 0.05), [(0, 0, 69, 64)], 200))
    expected = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(sound.size) / SAMPLE_RATE)
    assert np.abs(sound - expected).max() < 2e-3


def test_a_loop_begins_where_it_is_said_to():
    audio = np.zeros((3000, 2), np.float32)
    audio[:1000], audio[1000:] = 0.25, 0.5
    instrument = SampledInstrument(SampleSet.of([Sample(60, 64, audio, Loop(1000, 3000))]))
    sound = left(playing(instrument, [(0, 0, 60, 64)], 20))
    assert np.allclose(sound[:1000], 0.25, atol=1e-4)
    assert np.allclose(sound[1000:], 0.5, atol=1e-4)


def test_a_sample_that_has_died_away_is_silent():
    sound = left(playing(decaying([60], 0.1), [(0, 0, 60, 64)], 20))
    assert sound[: SAMPLE_RATE // 20].any()
    assert not sound[SAMPLE_RATE // 10 + 50 :].any()


def test_what_an_instrument_cannot_play_is_played_in_another_octave():
    instrument = held(range(60, 73, 3))
    for pitch, played in ((50, 62), (40, 64), (59, 59), (73, 73), (74, 62), (99, 63)):
        nearest, transposition = instrument.placed(pitch)
        assert nearest + transposition == played
        assert abs(transposition) <= 1


@given(velocity=st.integers(1, 127))
@settings(deadline=None, max_examples=30)
def test_louder_notes_are_louder_and_between_samples_they_are_mixed(velocity):
    instrument = decaying([60], velocities=(40, 90))

    def peak(of):
        return np.abs(left(playing(instrument, [(0, 0, 60, of)], 4))).max()

    assert peak(velocity) <= peak(velocity + 1)
    if 40 <= velocity <= 90:
        assert peak(velocity) == pytest.approx(velocity / 128, rel=0.01)


def test_voices_stand_where_they_are_panned_and_go_to_their_bus():
    voices = [voice(-1.0), voice(1.0, "warm"), voice(0.5)]
    notes = [(number, 0, 60, 64) for number in range(3)]
    warm, clear = playing(held([60]), notes, 4, voices=voices)
    assert np.abs(warm[0]).max() < 1e-6
    assert np.abs(warm[1]).max() == pytest.approx(0.5 * 2**0.5, rel=0.01)
    at = np.pi / 4 * 1.5
    peaks = np.abs(clear).max(axis=1)
    assert peaks[0] / peaks[1] == pytest.approx((1 + np.cos(at)) / np.sin(at), rel=0.01)  # in phase


def test_a_voice_goes_from_one_level_to_another_in_a_straight_line():
    audio = np.ones((48_000, 2), np.float32) / 2
    instrument = SampledInstrument(SampleSet.of([Sample(60, 64, audio)]))
    sampler = Sampler((voice(),), {"x": instrument})
    sampler.process(VoiceFrame([StartedNote(0, 0, 60, 64)], np.array([0]), np.zeros(1), np.ones(1)), 0)
    frame = VoiceFrame([], np.array([0]), np.ones(1), np.zeros(1))
    sound = left(sampler.process(frame, BLOCK_FRAMES))
    assert np.allclose(sound, 0.5 - 0.5 * np.arange(1, BLOCK_FRAMES + 1) / BLOCK_FRAMES, atol=1e-4)


def test_the_same_notes_sound_the_same_whatever_sounded_before_in_another_sampler():
    notes = [(0, 5, 59, 50), (1, 900, 61, 70)]
    voices = (voice(), voice(0.3))
    first = playing(held([60]), notes, 10, voices=voices)
    assert np.array_equal(first, playing(held([60]), notes, 10, voices=voices))

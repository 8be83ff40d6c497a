"""The control side of the voices: envelopes exact to the sample, stealing without clicks."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from generator.performance.performance import Performance
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, ControlFrame
from generator.state import LAYERS, MusicState, Piece
from generator.synthesis.palettes import BY_NAME
from generator.synthesis.voices import LEAST_ATTACK, VoiceBank, hertz
from tests.generator.synthesis.handmade_blocks import blocks
from tests.generator.synthesis.handmade_blocks import note as made_note

WARM_PADS = BY_NAME["warm-pads"]


def shape(articulation=1.0, gains=(1.0,) * 8):
    return ControlFrame(
        level_db=0.0,
        breath_db=0.0,
        fade=1.0,
        brightness=0.5,
        articulation=articulation,
        density=0.5,
        layer_gains=gains,
    )


note = partial(made_note, layer="arpeggio", duration_s=0.5)


def play(notes, seconds, **shaping):
    """All rows' amplitudes, shape (rows, frames)."""
    bank = VoiceBank(WARM_PADS)
    count = round(seconds * SAMPLE_RATE / BLOCK_FRAMES)
    out = np.zeros((len(bank.rows), count * BLOCK_FRAMES))
    for block in blocks(count, notes, shape(**shaping)):
        control = bank.step(block)
        at = block.start_frame
        out[control.rows, at : at + BLOCK_FRAMES] = control.amplitudes
    return bank, out


@pytest.mark.parametrize("frame", [0, 1, 799, 800, 1234])
@pytest.mark.parametrize("layer", ["arpeggio", "pad"])
def test_a_note_begins_at_its_frame(frame, layer):
    _, out = play([note(frame, layer=layer)], 0.5)
    sounding = np.flatnonzero(out.any(axis=0))
    assert sounding[0] == frame + VoiceBank.latency_frames


def test_equal_temperament():
    assert hertz(69) == 440.0
    assert hertz(60) == pytest.approx(261.6256, abs=1e-4)


@pytest.mark.parametrize(("layer", "fastest_s"), [("pad", 0.8), ("melody", 0.01), ("bass", 0.05)])
def test_attacks_last_as_long_as_articulation_asks(layer, fastest_s):
    def rise(articulation):
        _, out = play([note(0, layer=layer, duration_s=8.0)], 6.0, articulation=articulation)
        level = out[np.argmax(out.max(axis=1))]
        return np.argmax(level >= 0.95 * level.max()) / SAMPLE_RATE

    assert fastest_s / 3 < rise(1.0) < rise(0.0)


def test_amplitudes_never_jump_when_voices_are_stolen():
    notes = [note(i * 900, pitch=48 + i % 30, duration_s=3.0) for i in range(60)]
    _, out = play(notes, 1.5)
    steepest = out.max() / (0.01 * SAMPLE_RATE) * 1.5  # the steepest point of a smooth 10-ms attack
    assert np.abs(np.diff(out, axis=1)).max() <= steepest * 1.01


def test_stealing_takes_the_quietest_and_keeps_every_onset():
    notes = [note(i * 2400, duration_s=5.0, velocity=127 if i == 0 else 40, layer="bass") for i in range(5)]
    _, out = play(notes, 0.5, articulation=1.0)
    total = out.sum(axis=0)
    for each in notes:
        onset = each.frame + VoiceBank.latency_frames
        assert total[onset + 600] > total[onset]
    assert out[:, -1].max() > 1.8 * np.sort(out[:, -1])[-2]  # the loud first note still sounds


@pytest.mark.parametrize("frames", [1, 500, 24_000, 24_321])
def test_a_note_begins_its_release_where_it_ends(frames):
    _, long = play([note(100, layer="arpeggio", duration_s=5.0)], 1.0)
    _, short = play([note(100, layer="arpeggio", duration_s=frames / SAMPLE_RATE)], 1.0)
    differs = np.flatnonzero((long != short).any(axis=0))
    timbre = WARM_PADS.timbres["arpeggio"]
    ends = max(frames, LEAST_ATTACK * timbre.attack_s[1] * SAMPLE_RATE)  # a short note rises first
    release = 100 + ends + VoiceBank.latency_frames
    assert 0 <= release - differs[0] < BLOCK_FRAMES  # a slow envelope goes in a line through each block
    assert not short[:, round(release + timbre.release_s[1] * SAMPLE_RATE) + BLOCK_FRAMES :].any()


def test_the_end_of_a_stolen_note_leaves_the_note_in_its_voice_alone():
    voices = WARM_PADS.timbres["bass"].voices
    stolen = note(0, layer="bass", velocity=1, duration_s=1.0)
    others = [note(800 * (i + 1), pitch=40 + i, layer="bass", duration_s=9.0) for i in range(voices)]
    _, out = play([stolen, *others], 2.0)
    _, alone = play([replace(stolen, duration_s=9.0), *others], 2.0)
    assert np.array_equal(out, alone)


def test_the_pad_sounds_on_while_the_tempo_falls():
    performance, bank = Performance(Piece(seed=2)), VoiceBank(BY_NAME["harp-bells"])
    pad = [row for row, oscillator in enumerate(bank.rows) if oscillator.gain == LAYERS.index("pad")]
    levels = []
    for index in range(60 * 60):
        tempo = 140.0 if index < 60 * 20 else 30.0
        control = bank.step(performance.block(MusicState(tempo_bpm=tempo, layers=1, articulation=0.0)))
        levels.append(control.amplitudes[np.isin(control.rows, pad)].sum())
    assert min(levels[60 * 10 :]) > 0.2 * np.median(levels[60 * 10 :])


def test_polyphony_bounds_what_can_begin_at_once():
    _, out = play([note(10, pitch=40 + i) for i in range(30)], 0.1)
    voices = WARM_PADS.timbres["arpeggio"].voices
    assert np.count_nonzero(out.any(axis=1)) == voices * len(WARM_PADS.timbres["arpeggio"].oscillators)


def test_a_layer_at_zero_gain_is_silent_and_enters_with_its_gain():
    bank = VoiceBank(WARM_PADS)
    silent, open_ = (0.0,) * 8, (1.0,) * 8

    def opening(index):
        return shape(articulation=0.5, gains=silent if index < 120 else open_)

    played = blocks(240, [note(0, layer="pad", duration_s=9.0)], opening)
    levels = [bank.step(block).amplitudes.sum() for block in played]
    assert max(map(abs, levels[:120])) == 0.0
    assert min(levels[121:]) > 0.0


def test_velocity_makes_notes_louder_and_their_start_brighter():
    def strands(velocity):
        _, out = play([note(0, layer="melody", velocity=velocity)], 0.2)
        body, bright = (out[i].max() for i in (np.flatnonzero(out.any(axis=1))[:2]))
        return body, bright / body

    soft, loud = strands(40), strands(100)
    assert loud[0] > soft[0]
    assert loud[1] > soft[1]


def test_all_voices_end():
    layers = WARM_PADS.timbres
    _, out = play([note(100, layer=layer, duration_s=0.2) for layer in layers], 9.0, articulation=0.0)
    assert not out[:, -BLOCK_FRAMES:].any()

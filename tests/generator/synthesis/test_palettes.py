"""Every palette: complete, in tune with its tonic, answering what is asked of it, and unlike the others."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from math import log10

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from generator.composition.voice_leading import rubs
from generator.errors import StateError
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, ControlFrame
from generator.state import LAYERS, PALETTES, Mode, Piece
from generator.synthesis.palettes import BY_NAME
from generator.synthesis.synth import BUS_CUTOFFS, Synth
from generator.synthesis.voices import VIBRATO_DELAY_S, VoiceBank, hertz
from tests.generator.synthesis.handmade_blocks import blocks as handmade_blocks
from tests.generator.synthesis.handmade_blocks import note as made_note

OPEN = ControlFrame(
    level_db=0.0,
    breath_db=0.0,
    fade=1.0,
    brightness=0.5,
    articulation=1.0,
    density=0.5,
    layer_gains=(1.0,) * 8,
)


note = partial(made_note, velocity=80, duration_s=1.0)


def blocks(count, notes=(), shape=OPEN, tonic=0, mode=Mode.IONIAN):
    return handmade_blocks(count, notes, shape, tonic=tonic, mode=mode)


def sound(palette, count, notes=(), shape=OPEN, tonic=0):
    with closing(Synth(Piece(palette=palette))) as synth:
        return np.concatenate([synth.render(block) for block in blocks(count, notes, shape, tonic)])


def only(*layers):
    return replace(OPEN, layer_gains=tuple(float(layer in layers) for layer in LAYERS))


def strongest_hz(audio):
    spectrum = np.abs(np.fft.rfft(audio.mean(axis=1) * np.hanning(len(audio)), 2**19))
    return np.argmax(spectrum) * SAMPLE_RATE / 2**19


def centroid(audio):
    power = np.abs(np.fft.rfft(audio.mean(axis=1))) ** 2
    return (power * np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)).sum() / power.sum()


def test_the_palettes_are_those_a_piece_may_name():
    assert tuple(BY_NAME) == PALETTES
    with pytest.raises(StateError, match="there are warm-pads, harp-bells, soft-strings"):
        Piece(palette="brass-band")


@pytest.mark.parametrize("name", PALETTES)
def test_every_layer_has_a_timbre_whose_oscillators_reach_a_filter(name):
    timbres = BY_NAME[name].timbres
    assert set(timbres) == set(LAYERS)
    for timbre in timbres.values():
        assert {spec.bus for spec in timbre.oscillators} <= set(BUS_CUTOFFS)
        assert timbre.attack_s[0] >= 0.05  # legato attacks are soft
        assert timbre.attack_s[1] < timbre.attack_s[0]
        assert timbre.release_s[1] < timbre.release_s[0]


def test_the_palettes_are_about_as_loud_as_each_other():
    def together(palette):
        return 10 * log10(sum(10 ** (t.typical_lufs / 10) for t in palette.timbres.values()))

    loudness = [together(palette) for palette in BY_NAME.values()]
    assert max(loudness) - min(loudness) < 2.0


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("layer", ["melody", "arpeggio", "bells"])
def test_a_struck_note_is_there_within_a_millisecond(name, layer):
    frame = 3 * BLOCK_FRAMES + 333
    audio = np.abs(sound(name, 40, [note(frame, 67, layer)], only(layer))).max(axis=1)
    assert abs(int(np.argmax(audio > 1e-4 * audio.max())) - Synth.latency_frames - frame) <= 48


@pytest.mark.parametrize("name", PALETTES)
def test_brightness_opens_every_palette(name):
    notes = [note(0, 60 + i, layer) for i, layer in enumerate(("pad", "melody", "counter", "strings"))]
    centroids = [
        centroid(sound(name, 90, notes, replace(OPEN, brightness=brightness))[SAMPLE_RATE // 4 :])
        for brightness in (0.0, 0.5, 1.0)
    ]
    assert centroids[0] < centroids[1] < centroids[2]


def test_brightness_moves_without_steps():
    def gliding_shape(index):  # as fast as brightness may rise, once the sound stands
        return replace(OPEN, brightness=0.2 + 0.4 * min(max((index - 150) / 69, 0.0), 1.0))

    chord = [note(0, pitch, "pad", duration_s=9.0) for pitch in (50, 57, 62)]
    with closing(Synth(Piece(palette="harp-bells"))) as synth:
        gliding = [replace(each, shape=gliding_shape(i)) for i, each in enumerate(blocks(240, chord))]
        audio = np.concatenate([synth.render(block) for block in gliding]).mean(axis=1)
    heard = audio[152 * BLOCK_FRAMES : 218 * BLOCK_FRAMES]
    above = sosfilt(butter(8, 12_000, "highpass", fs=SAMPLE_RATE, output="sos"), heard)[4800:]
    assert np.abs(above).max() < 10 ** (-110 / 20) * np.abs(heard).max()


def test_the_same_notes_sound_unlike_on_every_palette():
    notes = [note(0, 62, "melody", duration_s=2.0)]
    centroids = sorted(centroid(sound(name, 60, notes, only("melody"))) for name in PALETTES)
    assert centroids[1] > 1.03 * centroids[0]
    assert centroids[2] > 1.03 * centroids[1]


@pytest.mark.parametrize("tonic", [0, 9])
def test_the_drone_stands_on_the_tonic_and_comes_with_the_pad(tonic):
    audio = sound("harp-bells", 300, shape=only("pad"), tonic=tonic)[2 * SAMPLE_RATE :]
    octaves = np.log2(strongest_hz(audio) / hertz(36 + tonic))
    assert min(abs(octaves - near) for near in (0.0, 1.0, np.log2(3.0), 2.0)) < 0.01
    assert not sound("harp-bells", 30, shape=only("melody")).any()
    assert not sound("harp-bells", 30, shape=replace(OPEN, fade=0.0)).any()


def test_the_drone_follows_the_tonic_without_a_step():
    bank = VoiceBank(BY_NAME["harp-bells"])
    amplitudes, tuned = np.zeros((len(bank.rows), 0)), {}
    for tonic in (0, 7):
        for block in blocks(720, shape=only("pad"), tonic=tonic):
            control = bank.step(
                replace(block, start_frame=block.start_frame + 720 * BLOCK_FRAMES * bool(tonic))
            )
            now = np.zeros((len(bank.rows), BLOCK_FRAMES))
            now[control.rows] = control.amplitudes
            amplitudes = np.hstack((amplitudes[:, -1:], now))
            assert np.abs(np.diff(amplitudes, axis=1)).max() < 1e-5
            tuned |= dict(control.tunings)
        assert min(tuned.values()) == pytest.approx(hertz(36 + tonic), rel=1e-3)
    assert (amplitudes[:, -1] > 0.0).sum() == 4


@pytest.mark.parametrize("mode", list(Mode))
def test_no_tone_of_the_mode_rubs_against_the_drone(mode):
    drone = BY_NAME["harp-bells"].drone
    for tonic in range(12):
        sounding = [round(pitch) for pitch in drone.pitches(tonic, mode) if pitch is not None]
        for degree in mode.steps:
            assert not any(rubs(72 + tonic + degree, pitch) for pitch in sounding)
    assert any(pitch is not None for pitch in drone.pitches(0, mode)) == (mode is not Mode.PHRYGIAN)


def test_the_drone_leaves_where_the_mode_rubs_against_it_and_comes_back():
    bank = VoiceBank(BY_NAME["harp-bells"])
    audible = []
    for mode in (Mode.IONIAN, Mode.PHRYGIAN, Mode.AEOLIAN, Mode.IONIAN):
        for block in blocks(300, shape=only("pad"), mode=mode):
            at = block.start_frame + 300 * BLOCK_FRAMES * len(audible)
            control = bank.step(replace(block, start_frame=at))
        audible.append(sum(control.amplitudes[:, -1] > 0.0))
    assert audible == [4, 0, 3, 4]


def test_the_drone_makes_room_for_the_bass():
    def ground(shape):
        bank = VoiceBank(BY_NAME["harp-bells"])
        for block in blocks(300, shape=shape):
            control = bank.step(block)
        drone = [i for i, row in enumerate(control.rows) if bank.rows[row].spec.ratio == 1.0]
        return control.amplitudes[drone, -1].sum()

    assert ground(only("pad", "bass")) < 0.2 * ground(only("pad"))


def test_vibrato_waits_and_stays_about_the_note():
    bank = VoiceBank(BY_NAME["soft-strings"])
    bends = [
        control.bends[0]
        for block in blocks(180, [note(0, 69, duration_s=4.0)])
        if (control := bank.step(block)).bent
    ]
    cents = 1200 * np.log2(np.concatenate(bends) / 440.0)
    still = round(VIBRATO_DELAY_S * SAMPLE_RATE)
    assert np.abs(cents[:still]).max() < 0.01
    assert 10.0 < np.abs(cents[SAMPLE_RATE * 3 // 2 :]).max() <= 13.01
    assert abs(cents[-SAMPLE_RATE:].mean()) < 1.0
    assert np.abs(np.diff(cents)).max() < 0.02  # no step, not even between blocks

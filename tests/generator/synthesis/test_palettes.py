"""Every palette: complete, in tune with its tonic, answering what is asked of it, and unlike the others."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise
from math import log10

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from generator.errors import StateError
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, ControlFrame
from generator.state import LAYERS, PALETTES, Piece
from generator.synthesis.instruments.catalog import INSTRUMENTS
from generator.synthesis.instruments.sample import InstrumentKind
from generator.synthesis.palettes import BUSES, BY_NAME
from generator.synthesis.synth import Synth
from tests.generator.synthesis.handmade_blocks import blocks as handmade_blocks
from tests.generator.synthesis.handmade_blocks import note as made_note

WRITTEN = {
    "pad": (41, 75),
    "melody": (60, 92),
    "bass": (36, 47),
    "arpeggio": (60, 94),
    "counter": (52, 66),
    "strings": (70, 90),
    "bells": (79, 90),
    "air": (67, 78),
}
"""Lowest and highest pitch of each layer over many seeds, keys, registers and modes (measured)."""

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


def blocks(count, notes=(), shape=OPEN):
    return handmade_blocks(count, notes, shape)


def sound(palette, count, notes=(), shape=OPEN):
    with closing(Synth(Piece(palette=palette))) as synth:
        return np.concatenate([synth.render(block) for block in blocks(count, notes, shape)])


def only(*layers):
    return replace(OPEN, layer_gains=tuple(float(layer in layers) for layer in LAYERS))


def centroid(audio):
    power = np.abs(np.fft.rfft(audio.mean(axis=1))) ** 2
    return (power * np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)).sum() / power.sum()


def test_the_palettes_are_those_a_piece_may_name():
    assert tuple(BY_NAME) == PALETTES
    with pytest.raises(StateError, match="there are warm-pads, harp-bells, soft-strings, felt-piano"):
        Piece(palette="brass-band")


@pytest.mark.parametrize("name", PALETTES)
def test_every_layer_has_an_instrument_that_plays_what_is_written_for_it(name):
    palette = BY_NAME[name]
    assert set(palette.sounds) == set(LAYERS)
    for layer, sound in palette.sounds.items():
        assert sound.bus in BUSES
        assert sound.release_s[1] < sound.release_s[0]
        instrument = INSTRUMENTS[sound.instrument]
        low, high = (pitch + sound.transpose for pitch in WRITTEN[layer])
        assert min(instrument.pitches) - 1 <= low
        assert high <= max(instrument.pitches) + 1


@pytest.mark.parametrize("name", PALETTES)
def test_pads_swell_and_what_is_struck_speaks_at_once(name):
    for layer, sound in BY_NAME[name].sounds.items():
        held = INSTRUMENTS[sound.instrument].kind not in {InstrumentKind.STRUCK, InstrumentKind.PLUCKED}
        assert bool(sound.attack_s[0]) == held
        if held:
            assert sound.attack_s[1] < sound.attack_s[0]
        if layer == "pad":
            assert sound.attack_s[1] >= 0.05


def test_the_palettes_are_about_as_loud_as_each_other():
    def together(palette):
        return 10 * log10(sum(10 ** (sound.typical_lufs / 10) for sound in palette.sounds.values()))

    loudness = [together(palette) for palette in BY_NAME.values()]
    assert max(loudness) - min(loudness) < 2.0


def struck_layers():
    return [
        (name, layer)
        for name, palette in BY_NAME.items()
        for layer in ("melody", "arpeggio", "bells")
        if not palette.sounds[layer].attack_s[0]
    ]


@pytest.mark.parametrize(("name", "layer"), struck_layers())
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


@pytest.mark.usefixtures("of_sines")
def test_brightness_moves_without_steps():
    def gliding(index):  # as fast as brightness may rise, once the sound stands
        return replace(OPEN, brightness=0.2 + 0.4 * min(max((index - 150) / 69, 0.0), 1.0))

    def above(shape):
        """Return the loudest moment above 12 kHz, where sines have the noise of their 16 bits only."""
        chord = [note(0, pitch, "pad", duration_s=9.0) for pitch in (50, 57, 62)]
        audio = sound("harp-bells", 240, chord, shape)[152 * BLOCK_FRAMES : 218 * BLOCK_FRAMES]
        high = sosfilt(butter(8, 12_000, "highpass", fs=SAMPLE_RATE, output="sos"), audio.mean(axis=1))
        return np.abs(high[4800:]).max()

    assert above(gliding) < 1.5 * above(replace(OPEN, brightness=0.6))


def test_the_same_notes_sound_unlike_on_every_palette():
    notes = [note(0, 62, "melody", duration_s=2.0), note(0, 50, "pad", duration_s=2.0)]
    edges = 200.0 * 2.0 ** (np.arange(17) / 3)

    def balance(name):
        audio = sound(name, 150, notes, only("melody", "pad"))[SAMPLE_RATE // 2 :].mean(axis=1)
        power = np.abs(np.fft.rfft(audio)) ** 2
        hz = np.fft.rfftfreq(audio.size, 1 / SAMPLE_RATE)
        bands = [power[(low <= hz) & (hz < high)].sum() for low, high in pairwise(edges)]
        return 10 * np.log10(np.array(bands) / sum(bands))

    for one, other in combinations([balance(name) for name in PALETTES], 2):
        assert np.sqrt(np.mean((one - other) ** 2)) > 3.0

"""The control side of the voices: onsets exact to the frame, stealing without clicks, the drone."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from generator.composition.voice_leading import rubs
from generator.performance.performance import Performance
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, ControlFrame
from generator.state import LAYERS, Mode, MusicState, Piece
from generator.synthesis.palettes import BY_NAME
from generator.synthesis.voices import LEAST_ATTACK, SOFT_VELOCITY, VoiceBank
from tests.generator.synthesis.handmade_blocks import blocks
from tests.generator.synthesis.handmade_blocks import note as made_note
from tests.generator.synthesis.sampled_tones import WARM_PADS, stand_ins

HARP_BELLS = BY_NAME["harp-bells"]


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


def only(*layers):
    return shape(gains=tuple(float(layer in layers) for layer in LAYERS))


note = partial(made_note, layer="arpeggio", duration_s=0.5)


def bank_of(palette):
    return VoiceBank(palette, stand_ins(palette))


def amplitudes(bank, played):
    """All voices' amplitudes at every frame of consecutive blocks, shape (voices, frames)."""
    parts = []
    for block in played:
        control = bank.step(block)
        offsets = dict.fromkeys(control.voices.tolist(), 0)
        offsets |= {each.voice: each.offset for each in control.started}
        part = np.zeros((len(bank.voices), BLOCK_FRAMES))
        for voice, before, after in zip(control.voices.tolist(), control.before, control.after, strict=True):
            sounding = BLOCK_FRAMES - offsets[voice]
            part[voice, offsets[voice] :] = np.linspace(before, after, sounding + 1)[1:]
        parts.append(part)
    return np.concatenate(parts, axis=1)


def play(notes, seconds, **shaping):
    count = round(seconds * SAMPLE_RATE / BLOCK_FRAMES)
    return amplitudes(bank_of(WARM_PADS), blocks(count, notes, shape(**shaping)))


@pytest.mark.parametrize("frame", [0, 1, 799, 800, 1234])
@pytest.mark.parametrize("layer", ["arpeggio", "pad"])
def test_a_note_begins_at_its_frame(frame, layer):
    sounding = np.flatnonzero(play([note(frame, layer=layer)], 0.5).any(axis=0))
    assert sounding[0] == frame + VoiceBank.latency_frames


@pytest.mark.parametrize(("layer", "fastest_s"), [("pad", 0.8), ("bass", 0.05), ("counter", 0.05)])
def test_held_notes_rise_as_slowly_as_articulation_asks(layer, fastest_s):
    def rise(articulation):
        out = play([note(0, layer=layer, duration_s=8.0)], 6.0, articulation=articulation)
        level = out[np.argmax(out.max(axis=1))]
        return np.argmax(level >= 0.95 * level.max()) / SAMPLE_RATE

    assert fastest_s / 3 < rise(1.0) < rise(0.0)


def test_a_held_note_that_is_louder_rises_faster():
    def rise(velocity):
        out = play([note(0, layer="pad", duration_s=8.0, velocity=velocity)], 6.0)
        level = out[np.argmax(out.max(axis=1))]
        return np.argmax(level >= 0.5 * level.max())

    assert rise(90) < 0.8 * rise(40)


@pytest.mark.parametrize("layer", ["melody", "arpeggio", "bells"])
def test_a_struck_note_has_its_whole_level_from_its_first_frame_on(layer):
    out = play([note(10, layer=layer, duration_s=4.0)], 0.5).max(axis=0)
    heard = out[VoiceBank.latency_frames + 10 :]
    assert heard.min() > 0.99 * heard.max()


def test_amplitudes_never_jump_but_where_a_note_is_struck():
    notes = [note(i * 900, pitch=48 + i % 30, layer="pad", duration_s=3.0) for i in range(60)]
    out = play(notes, 1.5)
    steepest = out.max() / BLOCK_FRAMES  # a stolen voice fades out within a block
    assert np.abs(np.diff(out, axis=1)).max() <= steepest * 1.01


def test_stealing_takes_the_quietest_and_keeps_every_onset():
    notes = [note(i * 2400, duration_s=5.0, velocity=127 if i == 0 else 40, layer="bass") for i in range(5)]
    out = play(notes, 0.5)
    for each in notes:
        onset = each.frame + VoiceBank.latency_frames
        assert (out[:, onset + 600] > out[:, onset]).any()


def test_a_note_that_has_died_away_is_stolen_before_one_that_sounds():
    old = note(0, layer="melody", duration_s=30.0)
    voices = WARM_PADS.sounds["melody"].voices
    others = [note(3 * SAMPLE_RATE + 800 * i, 61 + i, layer="melody", duration_s=30.0) for i in range(voices)]
    bank = bank_of(WARM_PADS)
    started = [each for block in blocks(200, [old, *others], shape()) for each in bank.step(block).started]
    assert started[-1].voice == started[0].voice


@pytest.mark.parametrize("frames", [1, 500, 24_000, 24_321])
@pytest.mark.parametrize("layer", ["arpeggio", "pad"])
def test_a_note_begins_its_release_where_it_ends(frames, layer):
    made = note(100, layer=layer, duration_s=5.0, velocity=SOFT_VELOCITY)
    long = play([made], 4.0)
    short = play([replace(made, duration_s=frames / SAMPLE_RATE)], 4.0)
    differs = np.flatnonzero((long != short).any(axis=0))
    sound = WARM_PADS.sounds[layer]
    risen = LEAST_ATTACK * sound.attack_s[1] * SAMPLE_RATE  # a short note rises first
    release = 100 + max(frames, risen) + VoiceBank.latency_frames
    assert abs(release - differs[0]) < BLOCK_FRAMES  # a slow envelope goes in a line through each block
    assert not short[:, round(release + sound.release_s[1] * SAMPLE_RATE) + BLOCK_FRAMES :].any()


def test_the_end_of_a_stolen_note_leaves_the_note_in_its_voice_alone():
    voices = WARM_PADS.sounds["bass"].voices
    stolen = note(0, layer="bass", duration_s=1.0)
    others = [note(800 * (i + 1), pitch=40 + i, layer="bass", duration_s=9.0) for i in range(voices)]
    out = play([stolen, *others], 2.0)
    assert np.array_equal(out, play([replace(stolen, duration_s=9.0), *others], 2.0))


def test_the_pad_sounds_on_while_the_tempo_falls():
    performance, bank = Performance(Piece(seed=2)), bank_of(HARP_BELLS)
    pad = [number for number, voice in enumerate(bank.voices) if voice.gain == LAYERS.index("pad")]
    levels = []
    for index in range(60 * 60):
        tempo = 140.0 if index < 60 * 20 else 30.0
        control = bank.step(performance.block(MusicState(tempo_bpm=tempo, layers=1, articulation=0.0)))
        levels.append(control.after[np.isin(control.voices, pad)].sum())
    assert min(levels[60 * 10 :]) > 0.2 * np.median(levels[60 * 10 :])


def test_polyphony_bounds_what_can_begin_at_once():
    out = play([note(10, pitch=40 + i) for i in range(30)], 0.1)
    assert np.count_nonzero(out.any(axis=1)) == WARM_PADS.sounds["arpeggio"].voices


def test_a_layer_at_zero_gain_is_silent_and_enters_with_its_gain():
    silent, open_ = (0.0,) * 8, (1.0,) * 8

    def opening(index):
        return shape(articulation=0.5, gains=silent if index < 120 else open_)

    out = amplitudes(bank_of(WARM_PADS), blocks(240, [note(0, layer="pad", duration_s=9.0)], opening))
    assert out[:, : 120 * BLOCK_FRAMES].max() == 0.0
    assert out[:, 121 * BLOCK_FRAMES :].max(axis=0).min() > 0.0


def test_all_voices_end():
    notes = [note(100, layer=layer, duration_s=0.2) for layer in WARM_PADS.sounds]
    assert not play(notes, 9.0, articulation=0.0)[:, -BLOCK_FRAMES:].any()


def drone(bank, control):
    """Pitches and amplitudes of the tones of the drone that sound at the end of a block."""
    first = len(bank.voices) - len(HARP_BELLS.drone.tones)
    return [
        (voice, after)
        for voice, after in zip(control.voices.tolist(), control.after, strict=True)
        if voice >= first and after > 0.0
    ]


def test_the_drone_follows_the_tonic_without_a_step():
    bank, pitches = bank_of(HARP_BELLS), set()
    for tonic in (0, 7):
        begun = 720 * bool(tonic)
        for block in blocks(720, [], only("pad"), start=begun, tonic=tonic):
            control = bank.step(block)
            assert np.abs(control.after - control.before).max(initial=0.0) / BLOCK_FRAMES < 1e-5
            pitches |= {each.pitch for each in control.started}
        assert {36 + tonic, 48 + tonic} <= pitches
        assert len(drone(bank, control)) == len(HARP_BELLS.drone.tones)


def test_the_drone_comes_with_the_pad_alone():
    for played in (blocks(30, [], only("melody")), blocks(30, [], replace(only("pad"), fade=0.0))):
        assert not amplitudes(bank_of(HARP_BELLS), played).any()
    assert amplitudes(bank_of(HARP_BELLS), blocks(30, [], only("pad"))).any()


@pytest.mark.parametrize("name", [name for name, palette in BY_NAME.items() if palette.drone])
@pytest.mark.parametrize("mode", list(Mode))
def test_no_tone_of_the_mode_rubs_against_the_drone(name, mode):
    for tonic in range(12):
        sounding = [pitch for pitch in BY_NAME[name].drone.pitches(tonic, mode) if pitch is not None]
        for degree in mode.steps:
            assert not any(rubs(72 + tonic + degree, pitch) for pitch in sounding)
    assert bool(sounding) == (mode is not Mode.PHRYGIAN)


def test_the_drone_leaves_where_the_mode_rubs_against_it_and_comes_back():
    bank, audible = bank_of(HARP_BELLS), []
    for mode in (Mode.IONIAN, Mode.PHRYGIAN, Mode.AEOLIAN, Mode.IONIAN):
        for block in blocks(300, [], only("pad"), start=300 * len(audible), mode=mode):
            control = bank.step(block)
        audible.append(len(drone(bank, control)))
    assert audible == [4, 0, 3, 4]


def test_the_drone_makes_room_for_the_bass():
    def ground(*layers):
        bank = bank_of(HARP_BELLS)
        for block in blocks(300, [], only(*layers)):
            control = bank.step(block)
        return dict(drone(bank, control))[len(bank.voices) - len(HARP_BELLS.drone.tones)]

    assert ground("pad", "bass") < 0.2 * ground("pad")

"""The sound itself: when it begins, its pitch, loudness and brightness, and that nothing breaks it."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pyloudnorm
import pytest
from scipy.signal import butter, resample_poly, sosfiltfilt

from generator.composition.notation import SectionKind
from generator.errors import SoundError
from generator.performance.performance import Performance
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, ControlFrame
from generator.state import LAYERS, MusicState, Piece
from generator.synthesis.synth import Synth
from tests.generator.synthesis.handmade_blocks import blocks as handmade_blocks
from tests.generator.synthesis.handmade_blocks import note

LOUD = ControlFrame(
    level_db=0.0,
    breath_db=0.0,
    fade=1.0,
    brightness=0.5,
    articulation=1.0,
    density=0.5,
    layer_gains=(1.0,) * 8,
)


def blocks(seconds, notes=(), shape=LOUD, start=0):
    """Hand-made blocks; `shape` may be a function of the block's number."""
    return handmade_blocks(round(seconds * SAMPLE_RATE / BLOCK_FRAMES), notes, shape, start=start)


def sound(seconds, notes=(), shape=LOUD):
    with closing(Synth(Piece())) as synth:
        return np.concatenate([synth.render(block) for block in blocks(seconds, notes, shape)])


def music(seconds, state, seed=0):
    performance = Performance(Piece(seed=seed), fade_in_s=1.0)
    with closing(Synth(Piece(seed=seed))) as synth:
        rendered = [synth.render(performance.block(state)) for _ in range(round(seconds * 60))]
    return np.concatenate(rendered)


def true_peak_db(audio):
    return 20 * np.log10(np.abs(resample_poly(audio.astype(float), 8, 1, axis=0)).max())


def clicks_db(audio):
    """Level of the loudest moment above 9 kHz, where sines have nothing, relative to the peak."""
    high = sosfiltfilt(butter(6, 9000, "highpass", fs=SAMPLE_RATE, output="sos"), audio, axis=0)
    return 20 * np.log10(np.abs(high).max() / np.abs(audio).max())


def busy(seconds, layers=LAYERS, every=700):
    """More notes than there are voices."""
    return [
        note(i * every, 40 + (i * 7) % 45, layers[i % len(layers)], 60 + i % 60, 1.5)
        for i in range(round(seconds * SAMPLE_RATE / every))
    ]


@pytest.mark.parametrize("frame", [2400, 2777])
def test_a_note_sounds_within_a_millisecond_of_its_frame(frame):
    audio = np.abs(sound(0.5, [note(frame)])).max(axis=1)
    onset = frame + Synth.latency_frames
    assert audio[:onset].max() < 1e-7 * audio.max()  # the room is computed with rounding errors
    assert np.argmax(audio > 1e-3 * audio.max()) - onset <= 48


@pytest.mark.parametrize(
    ("layer", "pitch"),
    [("melody", 60), ("melody", 69), ("melody", 84), ("bass", 36), ("pad", 60), ("bells", 79)],
)
def test_notes_are_in_tune(layer, pitch):
    expected_hz = 440.0 * 2 ** ((pitch - 69) / 12)
    seconds = 11.0 if layer == "pad" else 3.5  # three loops of an ensemble, or its beating counts
    audio = sound(seconds, [note(0, pitch, layer, duration_s=seconds)])[SAMPLE_RATE:].mean(axis=1)
    power = np.abs(np.fft.rfft(audio * np.hanning(audio.size), 2**20)) ** 2
    hz = np.arange(power.size) * SAMPLE_RATE / 2**20
    near = np.abs(hz / expected_hz - 1) < 0.02  # players of an ensemble are out of tune with one another
    cents = 1200 * np.log2(np.average(hz[near], weights=power[near]) / expected_hz)
    assert abs(cents) <= (3.0 if layer == "pad" else 2.0)  # its players lie up to 13 cents apart


def test_a_thin_section_is_two_loudness_units_softer(monkeypatch):
    monkeypatch.setattr("generator.composition.sections.SHORTEST_S", 30.0)
    monkeypatch.setattr("generator.composition.sections.LONGEST_S", 31.0)
    piece, state = Piece(seed=1, form="gentle"), MusicState(layers=4, density=0.5, tempo_bpm=60)
    performance = Performance(piece, fade_in_s=1.0)
    kinds, rendered = [], []
    with closing(Synth(piece)) as synth:
        while not kinds or kinds[-1] is not SectionKind.RETURN:
            block = performance.block(state)
            kinds.append(block.section_kind)
            rendered.append(synth.render(block))
    audio = np.concatenate(rendered)

    def loudness(kind):
        end = (len(kinds) - kinds[::-1].index(kind)) * BLOCK_FRAMES
        return pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio[end - 20 * SAMPLE_RATE : end])

    assert loudness(SectionKind.CONTRAST) == pytest.approx(-23.0, abs=1.0)
    assert -4.0 < loudness(SectionKind.THINNING) - loudness(SectionKind.CONTRAST) < -2.0


def test_the_same_seed_gives_the_same_samples_whatever_else_sounds():
    state = MusicState(layers=8, density=0.8)
    alone = music(3, state)
    with closing(Synth(Piece())) as other:
        other.render(next(blocks(0.1, [note(0)])))
        assert np.array_equal(music(3, state), alone)
    assert not np.array_equal(music(3, state, seed=1), alone)


def test_blocks_rendered_in_turn_by_two_synths_do_not_mix():
    notes = busy(0.5)
    expected = sound(0.5, notes)
    with closing(Synth(Piece())) as one, closing(Synth(Piece())) as two:
        pairs = [(one.render(block), two.render(block)) for block in blocks(0.5, notes)]
    assert np.array_equal(np.concatenate([pair[0] for pair in pairs]), expected)
    assert np.array_equal(np.concatenate([pair[1] for pair in pairs]), expected)


@pytest.mark.parametrize(("level_db", "layers"), [(0.0, 4), (-12.0, 2)])
def test_music_is_as_loud_as_asked(level_db, layers):
    audio = music(24, MusicState(level_db=level_db, layers=layers))[8 * SAMPLE_RATE :]
    measured = pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(audio.astype(float))
    assert measured == pytest.approx(-23.0 + level_db, abs=2.0)
    assert 20 * np.log10(np.abs(audio.mean(axis=0)).max()) < -60.0


def test_the_worst_that_can_be_asked_stays_below_the_true_peak_ceiling():
    notes = [replace(each, velocity=127) for each in busy(4, every=150)]
    audio = sound(5, notes, replace(LOUD, breath_db=2.0, brightness=1.0))
    assert np.isfinite(audio).all()
    assert true_peak_db(audio) <= -3.0


def test_stealing_fades_and_level_steps_do_not_click(of_sines):
    def stepping(index):
        fade = 0.0 if 60 <= index < 75 else 1.0
        return replace(LOUD, level_db=-18.0 if index % 40 > 20 else 0.0, fade=fade, brightness=0.2)

    assert clicks_db(sound(3, busy(3), stepping)) < -50.0


def test_stealing_bass_voices_leaves_nothing_above_its_tone(of_sines):
    audio = sound(2, busy(2, ("bass",), every=2500), replace(LOUD, articulation=0.5))
    assert clicks_db(audio) < -70.0


def test_silence_is_digital_zero_and_the_sound_comes_back():
    def pausing(index):
        return replace(LOUD, fade=0.0 if 30 <= index < 900 else 1.0)

    notes = [note(0), note(100 * BLOCK_FRAMES), note(910 * BLOCK_FRAMES)]
    audio = sound(16, notes, pausing).reshape(-1, BLOCK_FRAMES, 2)
    assert audio[:30].any()
    assert not audio[31:900].any()
    assert audio[910:].any()


def test_brighter_states_have_brighter_spectra():
    def centroid(brightness):
        audio = music(5, MusicState(brightness=brightness, layers=5))[2 * SAMPLE_RATE :].mean(axis=1)
        power = np.abs(np.fft.rfft(audio)) ** 2
        return (power * np.fft.rfftfreq(audio.size, 1 / SAMPLE_RATE)).sum() / power.sum()

    centroids = [centroid(brightness) for brightness in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert centroids == sorted(centroids)


def poison(monkeypatch, synth, at):
    """Put NaN into the amplitudes of the voices at the given blocks."""
    step, count = synth._bank.step, iter(range(10_000))

    def poisoned(block):
        control = step(block)
        if next(count) in at:
            control.after[:] = np.nan
        return control

    monkeypatch.setattr(synth._bank, "step", poisoned)


def test_nan_is_never_heard_and_the_sound_returns_on_a_ramp(monkeypatch):
    notes = busy(14, every=6000)
    with closing(Synth(Piece())) as synth:
        poison(monkeypatch, synth, {60})
        audio = np.concatenate([synth.render(block) for block in blocks(14, notes)])
    assert np.isfinite(audio).all()
    seconds = np.sqrt(np.mean(audio.reshape(14, -1) ** 2, axis=1))
    assert seconds[1] < 0.2 * seconds[12]
    assert seconds[3] < seconds[12] / 2
    assert seconds[12] > 0.3 * seconds[0]


def test_a_fault_fades_what_sounds_and_builds_the_graph_anew(monkeypatch, of_sines):
    with closing(Synth(Piece())) as synth:
        poison(monkeypatch, synth, {60})
        audio = np.concatenate([synth.render(block) for block in blocks(2, busy(2))])
        assert synth.rebuilt == 1
    assert clicks_db(audio) < -50.0


def test_a_bed_that_fails_is_made_anew_too(monkeypatch):
    with closing(Synth(Piece(nature="wind"))) as synth:
        monkeypatch.setattr(synth._nature, "step", lambda _frame: np.full((2, BLOCK_FRAMES), np.nan))
        audio = np.concatenate([synth.render(block) for block in blocks(1, busy(1))])
        assert synth.rebuilt == 1
    assert np.isfinite(audio).all()
    assert audio[-BLOCK_FRAMES:].any()


def test_faults_far_apart_are_forgiven(monkeypatch):
    with closing(Synth(Piece())) as synth:
        monkeypatch.setattr(synth, "FORGIVEN_AFTER_S", 0.5)
        poison(monkeypatch, synth, set(range(20, 240, 40)))
        audio = np.concatenate([synth.render(block) for block in blocks(4, busy(4))])
        assert synth.rebuilt == 6 > Synth.MAX_FAULTS
    assert np.isfinite(audio).all()


def test_a_sound_that_keeps_failing_is_given_up(monkeypatch):
    with closing(Synth(Piece())) as synth:
        poison(monkeypatch, synth, set(range(5, 500)))
        with pytest.raises(SoundError, match="4 times"):
            np.concatenate([synth.render(block) for block in blocks(3, busy(3))])


def test_closing_twice_is_harmless():
    synth = Synth(Piece())
    synth.close()
    synth.close()

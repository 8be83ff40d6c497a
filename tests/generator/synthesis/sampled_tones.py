"""Sampled instruments made of sines, for tests of what plays samples."""

import numpy as np

from generator.score import SAMPLE_RATE
from generator.synthesis.instruments.sample import Loop, Sample
from generator.synthesis.palettes import BY_NAME
from generator.synthesis.sample_set import SampledInstrument, SampleSet


def sine(pitch, seconds, amplitude=0.5):
    """Return a sine of whole periods, so that it loops without a seam, shape (n, 2)."""
    hertz = 440.0 * 2 ** ((pitch - 69) / 12)
    periods = round(hertz * seconds)
    frames = round(periods * SAMPLE_RATE / hertz)
    wave = amplitude * np.sin(2 * np.pi * periods * np.arange(frames) / frames)
    return np.stack((wave, wave), axis=1).astype(np.float32)


def _held(pitches, seconds, velocities=(64,)):
    return SampleSet.of(
        Sample(pitch, velocity, audio := sine(pitch, seconds, velocity / 128), Loop(0, len(audio)))
        for pitch in pitches
        for velocity in velocities
    )


def _decaying(pitches, seconds, velocities=(64,)):
    return SampleSet.of(
        Sample(pitch, velocity, sine(pitch, seconds, velocity / 128))
        for pitch in pitches
        for velocity in velocities
    )


def _struck(pitches):
    """Return sines that begin within 5 ms and die away."""
    at = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    shape = np.minimum(1.0, 0.5 - 0.5 * np.cos(np.pi * np.minimum(at / 0.005, 1.0))) * np.exp(-1.5 * at)
    fall = shape * np.minimum(1.0, 4.0 * (4.0 - at))
    return SampleSet.of(
        Sample(pitch, 64, (sine(pitch, 4.5)[: at.size] * fall[:, None]).astype(np.float32))
        for pitch in pitches
    )


def held(pitches, seconds=1.0):
    """Return an instrument of sines that are held."""
    return SampledInstrument(_held(pitches, seconds))


def decaying(pitches, seconds=1.0, velocities=(64,)):
    """Return an instrument of sines that end."""
    return SampledInstrument(_decaying(pitches, seconds, velocities))


def stand_in_sets(palette):
    """Return samples of sines for all instruments of a palette: held where its layers rise slowly."""
    slow = {sound.instrument for sound in palette.sounds.values() if sound.attack_s[0]}
    slow |= {tone.instrument for tone in palette.drone.tones} if palette.drone else set()
    pitches = range(24, 109, 3)
    held_tones, ending_tones = _held(pitches, 0.3), _struck(pitches)
    return {name: held_tones if name in slow else ending_tones for name in palette.instruments}


def stand_ins(palette):
    """Return instruments of sines for all that a palette needs."""
    return {name: SampledInstrument(samples) for name, samples in stand_in_sets(palette).items()}


WARM_PADS = BY_NAME["warm-pads"]

"""A summer night: crickets near and far, faint air, and rarely an owl or midwife toads in the distance."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from scipy import fft

from generator.score import SAMPLE_RATE, FloatArray
from generator.synthesis.nature.bed import CHUNK_FRAMES, Bed, Drift, Float32Array, NoiseTexture, panned
from generator.synthesis.nature.grain_tables import TABLE_FRAMES, bands, dulled, onset, pink, seconds, trimmed

_AIR_MIDDLES_HZ = (120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0)
_AIR_GAINS = np.array([0.13, 0.11, 0.075, 0.042, 0.020, 0.009])
_CHORUS_GAIN = 0.036
_CHORUS_CRICKETS = 36
_PAUSE_SHARE = 0.04
_CRICKET_GAIN = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Cricket:
    """A field cricket (Gryllus): chirps of three or four pulses.

    Attributes
    ----------
    hz : float
        Its pitch: 4 to 5 kHz.
    pulses : int
        In a chirp.
    pulse_s : float
        From one pulse to the next: 33 to 42 ms.
    chirp_s : float
        From one chirp to the next.
    distance : float
        1 is near; its gain is the inverse.
    place : float
        0 (left) to 1 (right).
    """

    hz: float
    pulses: int
    pulse_s: float
    chirp_s: float
    distance: float
    place: float

    def chirp(self, rng: np.random.Generator) -> FloatArray:
        """Return one chirp: every pulse swells, is louder than the one before and falls a little in pitch."""
        length_s = 0.5 * self.pulse_s
        pulse = seconds(round(length_s * SAMPLE_RATE))
        part = pulse / length_s
        hz = self.hz * (1.0 + 0.003 * rng.standard_normal())
        tone = np.sin(2 * pi * hz * (pulse - 0.015 * part * pulse)) + 0.06 * np.sin(4 * pi * hz * pulse)
        shape = np.sin(pi * part**0.8) ** 1.5
        sound = np.zeros(round((self.pulses * self.pulse_s + 0.01) * SAMPLE_RATE))
        for number in range(self.pulses):
            start = round((number * self.pulse_s + 0.0012 * rng.random()) * SAMPLE_RATE)
            loud = (0.55, 0.85, 1.0, 0.95)[number] * (1.0 + 0.06 * rng.standard_normal())
            sound[start : start + pulse.size] += loud * shape * tone
        return sound


CRICKETS = (
    Cricket(hz=4450.0, pulses=4, pulse_s=0.036, chirp_s=0.47, distance=2.0, place=0.30),
    Cricket(hz=4720.0, pulses=3, pulse_s=0.039, chirp_s=0.41, distance=2.2, place=0.74),
    Cricket(hz=4260.0, pulses=3, pulse_s=0.041, chirp_s=0.53, distance=2.6, place=0.12),
    Cricket(hz=4890.0, pulses=4, pulse_s=0.034, chirp_s=0.38, distance=3.4, place=0.55),
    Cricket(hz=4580.0, pulses=3, pulse_s=0.040, chirp_s=0.60, distance=4.2, place=0.90),
)


def _distant(sound: FloatArray, room: FloatArray, dry: float) -> FloatArray:
    """Return a sound with the diffuse answer of the open land, shape (2, n)."""
    frames = fft.next_fast_len(sound.size + room.shape[1], real=True)
    answered = fft.irfft(fft.rfft(sound, frames) * fft.rfft(room, frames), frames)
    answered[:, : sound.size] += dry * sound
    return np.asarray(answered)


def _open_land(decay_s: float, rng: np.random.Generator) -> FloatArray:
    """Return a faint diffuse tail of unit energy a side, as trees and ground scatter it, shape (2, n)."""
    time_s = seconds(round(4.0 * decay_s * SAMPLE_RATE))
    tail = rng.standard_normal((2, time_s.size)) * onset(time_s, 0.02) * np.exp(-time_s / decay_s)
    return np.asarray(tail / np.sqrt((tail**2).sum(axis=1, keepdims=True)))


def owl_hoot(rng: np.random.Generator) -> FloatArray:
    """Return one hoot of a long-eared owl (Asio otus): a soft tone near 400 Hz, a third of a second long."""
    length_s = 0.36 + 0.05 * rng.random()
    time_s = seconds(round(length_s * SAMPLE_RATE))
    part = time_s / length_s
    phase = 2 * pi * 385.0 * (time_s + 0.02 * length_s * (1.0 - np.cos(pi * part)) / pi)
    tone = np.sin(phase) + 0.08 * np.sin(2.0 * phase + 0.5) + 0.03 * np.sin(3.0 * phase)
    return np.asarray(tone * np.sin(pi * part**0.85) ** 2)


def toad_call(hz: float, rng: np.random.Generator) -> FloatArray:
    """Return one call of a midwife toad (Alytes obstetricans): a pure tone of about 0.12 s."""
    length_s = 0.12 + 0.02 * rng.random()
    time_s = seconds(round(length_s * SAMPLE_RATE))
    return np.asarray(np.sin(pi * time_s / length_s) ** 2 * np.sin(2 * pi * hz * time_s))


def _chorus(rng: np.random.Generator) -> FloatArray:
    """Return a table of many far crickets, each with its own pitch and rate, that goes round."""
    table = np.zeros(TABLE_FRAMES)
    for _ in range(_CHORUS_CRICKETS):
        cricket = Cricket(
            hz=rng.uniform(4000.0, 5000.0),
            pulses=int(rng.integers(3, 5)),
            pulse_s=rng.uniform(0.033, 0.042),
            chirp_s=rng.uniform(0.36, 0.65),
            distance=1.0,
            place=0.5,
        )
        chirp = cricket.chirp(rng) * rng.uniform(0.4, 1.0)
        at = rng.uniform(0.0, cricket.chirp_s)
        while at < TABLE_FRAMES / SAMPLE_RATE:
            table[(round(at * SAMPLE_RATE) + np.arange(chirp.size)) % TABLE_FRAMES] += chirp
            at += cricket.chirp_s * (1.0 + 0.08 * rng.standard_normal())
    return table


@dataclass(slots=True)
class _Singer:
    """A cricket that sings: its chirps, when the next begins, and whether it rests."""

    cricket: Cricket
    chirps: list[Float32Array]
    gains: FloatArray
    next_frame: int


@dataclass(slots=True)
class _Caller:
    """An animal that calls some times in a row, then is silent for long."""

    calls: list[Float32Array]
    gain: float
    between_s: tuple[float, float]
    row: tuple[int, int]
    silent_s: tuple[float, float]
    next_frame: int
    left: int = 0
    gains: FloatArray | None = None


class Night(Bed):
    """Crickets, air, and what rarely calls."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng, longest=5 * SAMPLE_RATE)
        near = _open_land(0.045, rng)
        self._singers = [
            _Singer(
                cricket=cricket,
                chirps=[self._heard(cricket, near) for _ in range(4)],
                gains=panned(np.array([cricket.place]), np.array([_CRICKET_GAIN / cricket.distance]))[:, 0],
                next_frame=int(rng.integers(0, SAMPLE_RATE)),
            )
            for cricket in CRICKETS
        ]
        valley = _open_land(0.4, rng)
        hoots = [trimmed(_distant(dulled(owl_hoot(rng), 900.0), 0.8 * valley, 0.35)) for _ in range(3)]
        toads = [
            trimmed(_distant(toad_call(hz, rng), 0.7 * valley, 0.4))
            for hz in (1240.0, 1255.0, 1390.0, 1405.0)
        ]
        self._callers = [
            _Caller(
                hoots, 0.72, (2.3, 3.1), (3, 7), (45.0, 110.0), int(SAMPLE_RATE * rng.uniform(12.0, 40.0))
            ),
            _Caller(
                toads, 0.3, (0.9, 2.6), (5, 14), (35.0, 90.0), int(SAMPLE_RATE * rng.uniform(20.0, 60.0))
            ),
        ]
        air = bands(pink(rng), _AIR_MIDDLES_HZ)
        chorus = _chorus(rng)
        chorus /= np.sqrt(np.mean(chorus**2))
        self._texture = NoiseTexture(np.concatenate((air, chorus[None, :].astype(np.float32))), rng)
        self._breeze = Drift((6.0, 6.0, 11.0), rng)
        self._vigour = Drift((5.0,) * len(CRICKETS), rng)
        self._pace = Drift((7.0,) * len(CRICKETS), rng)

    def _heard(self, cricket: Cricket, land: FloatArray) -> Float32Array:
        """Return a chirp as it is heard from the cricket's distance: the farther, the more diffuse."""
        chirp = dulled(cricket.chirp(self._rng), 16000.0 / cricket.distance, 1)
        return trimmed(
            _distant(chirp, (0.25 + 0.12 * cricket.distance) * land, 1.0 / (1.0 + 0.15 * cricket.distance))
        )

    def chunk(self) -> Float32Array:
        """Return the next `CHUNK_FRAMES` frames, shape (2, n)."""
        vigour, pace = self._vigour.step(), self._pace.step()
        for number, singer in enumerate(self._singers):
            self._sing(singer, float(vigour[number]), float(pace[number]))
        for caller in self._callers:
            self._call(caller)
        left, right, chorus = self._breeze.step()
        air = np.outer(np.exp(0.12 * np.array([left, right])), _AIR_GAINS)
        far = np.full((2, 1), _CHORUS_GAIN * np.exp(0.1 * chorus))
        return self._texture.chunk(np.concatenate((air, far), axis=1)) + self._grains.take()

    def _sing(self, singer: _Singer, vigour: float, pace: float) -> None:
        while singer.next_frame < CHUNK_FRAMES:
            loud = np.exp(0.08 * vigour) * (1.0 + 0.05 * self._rng.standard_normal())
            chirp = singer.chirps[int(self._rng.integers(0, len(singer.chirps)))]
            self._grains.add(chirp, singer.next_frame, loud * singer.gains)
            wait = singer.cricket.chirp_s * np.exp(0.07 * pace) * (1.0 + 0.06 * self._rng.standard_normal())
            # Now and then it leaves out one chirp or several.
            wait += singer.cricket.chirp_s * (
                self._rng.integers(1, 4) if self._rng.random() < _PAUSE_SHARE else 0
            )
            singer.next_frame += round(SAMPLE_RATE * max(wait, 0.25))
        singer.next_frame -= CHUNK_FRAMES

    def _call(self, caller: _Caller) -> None:
        while caller.next_frame < CHUNK_FRAMES:
            if caller.left == 0 or caller.gains is None:
                caller.left = int(self._rng.integers(*caller.row))
                caller.gains = panned(self._rng.uniform(0.15, 0.85, 1), np.array([caller.gain]))[:, 0]
            call = caller.calls[int(self._rng.integers(0, len(caller.calls)))]
            self._grains.add(call, caller.next_frame, self._rng.uniform(0.7, 1.0) * caller.gains)
            caller.left -= 1
            wait = caller.between_s if caller.left else caller.silent_s
            caller.next_frame += round(SAMPLE_RATE * self._rng.uniform(*wait))
        caller.next_frame -= CHUNK_FRAMES

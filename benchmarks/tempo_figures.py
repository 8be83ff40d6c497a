"""Tempo: commanded against what is heard, and ramps against the tempo map.

A tempo is found in two steps that know nothing of the command. essentia (RhythmExtractor2013) says roughly
what it is. Then librosa's onset strength (hop 5 ms) is compared with combs: the comb within ±4 % of that
tempo, or of an octave of it, whose teeth gather most of the strength's spectrum is the tempo. A render of
60 s tells tempi apart that differ by less than 0.1 %. Octaves are folded: 40 and 80 bpm are one and the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import essentia
import essentia.standard as es
import librosa
import numpy as np
import numpy.typing as npt

from benchmarks.rendering import BLOCK_S, render
from generator.performance.performance import Performance
from generator.state import PALETTES, MusicState, Piece

FloatArray = npt.NDArray[np.float64]

TEMPI_BPM = tuple(float(bpm) for bpm in np.round(np.linspace(40.0, 120.0, 16), 1))
RENDER_S, FIRST_S = 66.0, 6.0
HOP = 240
GOAL_PERCENT = 0.1
GOAL_MS = 1.0


def heard_bpm(audio: npt.NDArray[np.float32], rate: int) -> float:
    """Return the tempo that two listeners without a score agree on."""
    essentia.log.infoActive = essentia.log.warningActive = False
    mono = audio.mean(axis=1).astype(np.float32)
    lower = es.Resample(inputSampleRate=rate, outputSampleRate=44_100)(mono)
    rough = float(es.RhythmExtractor2013(method="degara")(lower)[0])
    strength = librosa.onset.onset_strength(y=mono, sr=rate, hop_length=HOP, n_fft=1024)
    strength = np.asarray(strength - strength.mean(), dtype=np.float64) * np.hanning(len(strength))
    size = 2 ** int(np.ceil(np.log2(len(strength) * 32)))
    spectrum = np.abs(np.fft.rfft(strength, size))
    per_hz = size * HOP / rate
    candidates = [comb(spectrum, per_hz, rough / 60.0 * 2.0**octave) for octave in (-1, 0, 1)]
    return 60.0 * max(candidates)[1]


def comb(spectrum: FloatArray, per_hz: float, near_hz: float) -> tuple[float, float]:
    """Return the best comb within 4 % of a rate: how much of the spectrum its teeth gather, and its rate."""
    rates = near_hz * np.linspace(0.96, 1.04, 4001)
    teeth = np.arange(1, 9)
    gathered = spectrum[np.round(np.outer(rates, teeth) * per_hz).astype(int)].sum(axis=1)
    best = int(np.argmax(gathered))
    return float(gathered[best]), float(rates[best])


def folded_error_percent(heard: float, commanded: float) -> float:
    """Return how far apart two tempi are, octaves folded."""
    octaves = np.log2(heard / commanded)
    return float(100.0 * abs(2.0 ** (octaves - round(octaves)) - 1.0))


def steady() -> dict[str, Any]:
    """Render 16 rhythmic states from 40 to 120 bpm, palettes in turn, and listen."""
    errors = {}
    for number, bpm in enumerate(TEMPI_BPM):
        state = MusicState(tempo_bpm=bpm, density=0.9, articulation=1.0, brightness=0.7, layers=5, mode=0.8)
        piece = Piece(palette=PALETTES[number % len(PALETTES)], seed=number)
        rendered = render(state, piece, RENDER_S)
        heard = heard_bpm(rendered.audio[round(FIRST_S * 48_000) :], 48_000)
        errors[f"{bpm:g}"] = round(folded_error_percent(heard, bpm), 4)
    values = sorted(errors.values())
    return {"error_percent": errors, "median": values[len(values) // 2], "worst": values[-1]}


def ramps() -> dict[str, float]:
    """Return by how much beats on ramps are off the integral of the commanded tempo, in ms."""
    return {
        "up and down, 40-120-40 in 10 min": worst_ms(
            lambda t: 40.0 + 80.0 * (1 - abs(t / 300.0 - 1.0)), 600.0
        ),
        "a lead, 72-50 in 8 min": worst_ms(lambda t: 72.0 - 22.0 * t / 480.0, 480.0),
        "steps of 20 bpm every 7 s": worst_ms(lambda t: 60.0 + 20.0 * (int(t / 7.0) % 3), 300.0),
    }


def worst_ms(tempo: Callable[[float], float], seconds: float) -> float:
    """Return the worst error of all beats; notes are nudged off them on purpose."""
    performance = Performance(Piece(seed=1), fade_in_s=1.0)
    times, beats = [], []
    for block in range(round(seconds / BLOCK_S)):
        state = MusicState(tempo_bpm=tempo((block + 1) * BLOCK_S), density=0.9, layers=5)
        made = performance.block(state)
        times += [beat.time_s for beat in made.beats]
        beats += [float(beat.beat) for beat in made.beats]
    # Position by the trapezoid rule on the tempo at block boundaries: what "linear between rows" means.
    at = np.arange(round(seconds / BLOCK_S) + 1) * BLOCK_S
    tempi = np.array([tempo(t if t > 0 else BLOCK_S) for t in at])
    position = np.concatenate(([0.0], np.cumsum((tempi[1:] + tempi[:-1]) / 120.0 * BLOCK_S)))
    expected = np.interp(beats, position, at)
    return round(float(1000.0 * np.abs(np.array(times) - expected).max()), 3)


def figures() -> dict[str, Any]:
    """Return all figures of tempo."""
    return {"steady": steady(), "ramps_worst_ms": ramps()}


def missed(measured: dict[str, Any]) -> list[str]:
    """Return which goals the figures miss, in words."""
    worst = measured["steady"]["worst"]
    lines = [f"a tempo {worst} % off, more than {GOAL_PERCENT} %"] if worst > GOAL_PERCENT else []
    return lines + [f"{name}: {ms} ms" for name, ms in measured["ramps_worst_ms"].items() if ms > GOAL_MS]

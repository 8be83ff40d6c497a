"""Safety of the sound: loudness to the command, ceilings under adversarial states, clicks, offset, silence.

Loudness is pyloudnorm's (BS.1770 K-weighting) over whole breaths; true peak is found by band-limited
interpolation in the frequency domain (4 times); a click is what linear prediction cannot foresee and what
stands out of all around it, onsets left out (`benchmarks.clicks`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy.signal import lfilter, resample

from benchmarks.clicks import CLICK_STANDS_OUT, block_pulse, clicks
from benchmarks.levels import k_weighted, lufs, offset_db
from benchmarks.rendering import BLOCK_S, blocks, render
from generator.render import VirtualPlayer
from generator.score import BLOCK_FRAMES
from generator.state import LAYERS, NATURES, PALETTES, RANGES, Mode, MusicState, Piece

FloatArray = npt.NDArray[np.float64]

RATE = 48_000
REFERENCE_LUFS, CEILING_LUFS, CEILING_DBTP, OFFSET_DB = -23.0, -20.0, -3.0, -60.0
BREATH_S, BREATHS, SETTLED_S = 10.0, 3, 20.0
LOUDNESS_LU = 1.0
CLICK_DBFS = -60.0
"""Residuals that stand out stay below; music at the reference loudness has peaks of about -10 dBFS."""

MOST_BLOCK_PULSE = 2.0
"""The palettes have 1.10 to 1.15; steps of -66 dBFS at every block make it 6 or more."""

SILENT_BY_S = 30.0
"""The fade into a silence that is asked for after 8 s takes 15 s, from the end of the bar."""

COMMANDS = (
    {"layers": 1, "density": 0.1, "level_db": 0.0},
    {"layers": 3, "density": 0.4, "level_db": -3.0, "register": 0.2},
    {"layers": 5, "density": 0.6, "level_db": -12.0, "brightness": 0.8},
    {"layers": 8, "density": 1.0, "level_db": 0.0, "articulation": 0.8, "tempo_bpm": 100.0},
    {"layers": 8, "density": 0.2, "level_db": -18.0, "register": 0.9},
)


def loudness() -> dict[str, Any]:
    """Return how far the loudness of whole breaths is from the command, in LU: single ones and three."""
    single: list[float] = []
    together: dict[str, float] = {}
    for palette in PALETTES:
        for number, command in enumerate(COMMANDS):
            state = MusicState(breath_rate=60.0 / BREATH_S, breath_depth=1.0, **command)  # type: ignore[arg-type]
            audio = render(state, Piece(palette=palette, seed=number), SETTLED_S + BREATHS * BREATH_S).audio
            power = k_weighted(audio, RATE)[round(SETTLED_S * RATE) :].reshape(BREATHS, -1)
            asked = REFERENCE_LUFS + state.level_db
            single += (lufs(power.mean(axis=1)) - asked).tolist()
            together[f"{palette}, {command['layers']} layers"] = round(float(lufs(power.mean()) - asked), 2)
    off = np.abs(single)
    return {
        "three_breaths_lu": together,
        "three_breaths_worst_lu": max(map(abs, together.values())),
        "single_breaths_within_1_lu": round(float((off <= LOUDNESS_LU).mean()), 3),
        "single_breaths_worst_lu": round(float(off.max()), 2),
    }


def adversary(seed: int) -> Callable[[float], MusicState]:
    """Return states that leap about as no protocol would: extremes, silences, anything for 0.05 to 15 s."""
    rng = random.Random(seed)
    until, state = 0.0, MusicState()

    def state_at(t: float) -> MusicState:
        nonlocal until, state
        if t >= until:
            until = t + rng.choice((0.05, 0.5, 3.0, 8.0, 15.0)) * rng.random()
            state = any_state(rng)
        return state

    return state_at


def any_state(rng: random.Random) -> MusicState:
    """Return a state of extremes as often as of values between them."""
    values: dict[str, Any] = {
        name: rng.choice((low, high, rng.uniform(low, high))) for name, (low, high) in RANGES.items()
    }
    values |= {"layers": rng.randint(1, len(LAYERS)), "mode": rng.choice(list(Mode)).openness}
    if rng.random() < 0.7:
        values["level_db"] = 0.0  # where the ceilings are near
    return MusicState(**values, sounding=rng.random() > 0.1)


class Examiner:
    """Looks at a long sound as it comes, a second at a time."""

    WINDOW_S = 3
    STEPS = 10

    def __init__(self) -> None:
        self._meter = pyloudnorm.Meter(RATE)
        self._filters = [
            (f.b, f.a, f.passband_gain, np.zeros((2, 2)))
            for f in self._meter._filters.values()  # noqa: SLF001 - as above
        ]
        self._tenths: list[float] = []
        self._before = np.zeros((RATE // 10, 2))
        self.peak = self.loudest = self.offset = 0.0
        self.finite = True

    def look(self, second: FloatArray) -> None:
        """Take in one second, shape (48000, 2)."""
        self.finite &= bool(np.isfinite(second).all())
        joined = np.concatenate((self._before, second))
        self._before = second[-RATE // 10 :]
        if np.abs(joined).max() * 4.0 > self.peak:
            finer = resample(joined, 4 * len(joined), axis=0)
            edge = RATE // 20 * 4  # where the interpolation wraps round
            self.peak = max(self.peak, float(np.abs(finer[edge:-edge]).max()))
        weighted = second
        for number, (b, a, gain, before) in enumerate(self._filters):
            filtered, after = lfilter(b, a, weighted, axis=0, zi=before)
            weighted = filtered * gain
            self._filters[number] = (b, a, gain, after)
        self._tenths += (weighted**2).sum(axis=1).reshape(self.STEPS, -1).mean(axis=1).tolist()
        window = self._tenths[-(self.WINDOW_S + 1) * self.STEPS :]
        sums = np.convolve(window, np.ones(self.WINDOW_S * self.STEPS), "valid")
        if sums.size and len(window) > self.WINDOW_S * self.STEPS:
            self.loudest = max(self.loudest, float(sums.max()) / (self.WINDOW_S * self.STEPS))
        self.offset = max(self.offset, float(np.abs(second.mean(axis=0)).max()))


def seconds_of(
    player: VirtualPlayer, state_at: Callable[[float], MusicState], minutes: float
) -> Iterator[FloatArray]:
    """Yield the sound of a player a second at a time."""
    gathered: list[npt.NDArray[np.float32]] = []
    for block in blocks(player, state_at, minutes * 60.0):
        gathered.append(block)
        if len(gathered) == round(1.0 / BLOCK_S):
            yield np.concatenate(gathered).astype(np.float64)
            gathered = []


def adversarial(minutes: float) -> dict[str, Any]:
    """Render adversarial states, an equal time with each palette, and look at every second."""
    examiner = Examiner()
    for number, palette in enumerate(PALETTES):
        piece = Piece(palette=palette, nature=NATURES[number % len(NATURES)], seed=number)
        with VirtualPlayer(piece, sound=True, fade_in_s=1.0) as player:
            for second in seconds_of(player, adversary(number), minutes / len(PALETTES)):
                examiner.look(second)
    return {
        "minutes": minutes,
        "finite": examiner.finite,
        "true_peak_dbtp": round(20.0 * float(np.log10(max(examiner.peak, 1e-9))), 2),
        "short_term_lufs": round(float(lufs(examiner.loudest)), 2),
    }


def quiet_things() -> dict[str, Any]:
    """Return clicks of held sounds, offset, and the largest sample where silence is commanded."""
    worst_click, worst_pulse, worst_offset = 1e-9, 0.0, -200.0
    for palette in PALETTES:
        rendered = render(changing, Piece(palette=palette, seed=5), 45.0)
        onsets = np.array([note.time_s for note in rendered.notes])
        found = clicks(rendered.audio, RATE, onsets)
        worst_click = max(worst_click, found.residual[found.stands_out > CLICK_STANDS_OUT].max(initial=0.0))
        worst_pulse = max(worst_pulse, block_pulse(rendered.audio, RATE, BLOCK_FRAMES))
        worst_offset = max(worst_offset, offset_db(rendered.audio))
    silence = render(lambda t: MusicState(sounding=t < 8.0), Piece(seed=2), SILENT_BY_S + 3.0).audio
    return {
        "sharpest_click_dbfs": round(20.0 * float(np.log10(worst_click)), 1),
        "block_pulse": round(worst_pulse, 2),
        "offset_db": round(worst_offset, 1),
        "silence_peak": float(np.abs(silence[round(SILENT_BY_S * RATE) :]).max()),
        "music_before_it_peak": round(float(np.abs(silence[: 8 * RATE]).max()), 3),
    }


def changing(t: float) -> MusicState:
    """Return states that change level, layers, mode and tempo while few notes begin."""
    step = int(t / 6.0)
    return MusicState(
        tempo_bpm=60.0 + 30.0 * (step % 2),
        density=0.1,
        layers=(1, 3, 2, 6)[step % 4],
        level_db=(0.0, -18.0)[step % 2],
        brightness=(0.1, 0.9)[step % 2],
        mode=(0.4, 0.6)[step // 2 % 2],
        breath_rate=12.0,
        breath_depth=1.0,
    )


def figures(*, long: bool = False) -> dict[str, Any]:
    """Return all figures of safety; `long`: two hours of adversarial states in place of ten minutes."""
    return {
        "loudness": loudness(),
        "adversarial": adversarial(120.0 if long else 10.0),
        "quiet": quiet_things(),
    }


def goals_not_reached(measured: dict[str, Any]) -> list[str]:
    """Return the goals above the ratchet that are not reached yet, in words."""
    single = measured["loudness"]["single_breaths_worst_lu"]
    return [f"a single breath {single} LU off"] if single > LOUDNESS_LU else []


def missed(measured: dict[str, Any]) -> list[str]:
    """Return what was reached once and is lost, in words."""
    hard, quiet, loud = measured["adversarial"], measured["quiet"], measured["loudness"]
    goals = (
        ("samples that are not finite", hard["finite"]),
        (f"true peak {hard['true_peak_dbtp']} dBTP", hard["true_peak_dbtp"] <= CEILING_DBTP),
        (f"short-term {hard['short_term_lufs']} LUFS", hard["short_term_lufs"] <= CEILING_LUFS),
        (f"loudness {loud['three_breaths_worst_lu']} LU off", loud["three_breaths_worst_lu"] <= LOUDNESS_LU),
        (f"a click of {quiet['sharpest_click_dbfs']} dBFS", quiet["sharpest_click_dbfs"] <= CLICK_DBFS),
        (f"a pulse of {quiet['block_pulse']} with the blocks", quiet["block_pulse"] <= MOST_BLOCK_PULSE),
        (f"offset {quiet['offset_db']} dB", quiet["offset_db"] < OFFSET_DB),
        ("silence that is not digital silence", quiet["silence_peak"] == 0.0),
        ("no music before the silence", quiet["music_before_it_peak"] > 0.01),
    )
    return [name for name, reached in goals if not reached]

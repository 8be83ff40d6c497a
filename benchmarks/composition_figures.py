"""What the composer writes, measured on its events; the rules are stated here anew, not taken from it."""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np
from scipy.stats import spearmanr

from benchmarks.rendering import rendering_percent
from benchmarks.voice_leading import compose, random_states, voice_leading
from generator.composition.composer import Composer
from generator.composition.notation import BarScore
from generator.performance.performance import Performance
from generator.state import LAYERS, MusicState, Piece

MODES = {
    0.0: (0, 1, 3, 5, 7, 8, 10),
    0.2: (0, 2, 3, 5, 7, 8, 10),
    0.4: (0, 2, 3, 5, 7, 9, 10),
    0.6: (0, 2, 4, 5, 7, 9, 10),
    0.8: (0, 2, 4, 5, 7, 9, 11),
    1.0: (0, 2, 4, 6, 7, 9, 11),
}
"""Openness and pitch classes above the tonic: phrygian, aeolian, dorian, mixolydian, ionian, lydian."""


def onsets_per_bar(bars: Sequence[BarScore]) -> float:
    """Return moments at which something begins, per bar."""
    return fmean(len({note.offset for note in bar.notes}) + len(bar.notes) / 1000 for bar in bars)


def mean_pitch(bars: Sequence[BarScore]) -> float:
    """Return the mean pitch of the notes, weighted by how long they last."""
    notes = [note for bar in bars for note in bar.notes]
    return float(np.average([n.pitch for n in notes], weights=[n.duration for n in notes]))


def shortness(bars: Sequence[BarScore]) -> float:
    """Return the share of their time to the next onset of the layer that notes leave silent, 0 to 1."""
    gaps = []
    for layer in LAYERS:
        notes = sorted(
            (4 * b.index + n.offset, n.duration) for b in bars for n in b.notes if n.layer == layer
        )
        starts = sorted({at for at, _ in notes})
        following = dict(pairwise(starts))
        gaps += [1 - min(1.0, held / (following[at] - at)) for at, held in notes if at in following]
    return fmean(gaps)


def parts(bars: Sequence[BarScore]) -> float:
    """Return how many layers play, on average over stretches of four bars."""
    stretches = [bars[i : i + 4] for i in range(0, len(bars) - 3, 4)]
    return fmean(len({note.layer for bar in stretch for note in bar.notes}) for stretch in stretches)


MEASURES = {
    "density": onsets_per_bar,
    "register": mean_pitch,
    "articulation": shortness,
    "layers": parts,
}


def rank_correlations(contexts: int = 24, bars: int = 40, seed: int = 0) -> dict[str, float]:
    """Return the lowest rank correlation of command and measure, field by field, over random contexts."""
    rng = random.Random(seed)
    lowest = dict.fromkeys(MEASURES, 1.0)
    for context in random_states(rng, 12 * contexts)[::12]:
        piece = Piece(seed=rng.randrange(1000), tonic=rng.randrange(12))
        for name, measure in MEASURES.items():
            grid = range(1, 9) if name == "layers" else [i / 10 for i in range(11)]
            measured = [measure(compose([_with(context, name, value)] * bars, piece)[12:]) for value in grid]
            lowest[name] = min(lowest[name], float(spearmanr(list(grid), measured).statistic))
    return {name: round(value, 4) for name, value in lowest.items()}


def _with(state: MusicState, name: str, value: float) -> MusicState:
    values = {field: getattr(state, field) for field in state.__slots__} | {name: value}
    return MusicState(**values)


# --- mode -------------------------------------------------------------------------------------------------


def recovered_mode(bars: Sequence[BarScore], tonic: int) -> float:
    """Return the mode whose pitch classes the sounding time correlates with best, the tonic told."""
    profile = np.zeros(12)
    for bar in bars:
        for note in bar.notes:
            profile[(note.pitch - tonic) % 12] += note.duration
    return max(MODES, key=lambda mode: np.corrcoef(profile, np.isin(np.arange(12), MODES[mode]))[0, 1])


def mode_recovery(seed: int = 0) -> dict[str, object]:
    """Return the share of minutes whose mode is recovered, and the faintest of the tones that tell it."""
    rng = random.Random(seed)
    right = total = 0
    faintest = 1.0
    for mode, steps in MODES.items():
        for tonic in range(0, 12, 2):
            for density in (0.0, 0.3, 0.6, 1.0):
                for layers in (1, 2, 4, 8):
                    state = MusicState(mode=mode, density=density, layers=layers, register=rng.random())
                    bars = compose([state] * 36, Piece(seed=rng.randrange(10_000), tonic=tonic))
                    tempo = rng.uniform(40, 120)
                    minute = max(6, int(tempo / 4))
                    for i in range(0, len(bars) - minute + 1, minute):
                        total += 1
                        right += recovered_mode(bars[i : i + minute], tonic) == mode
                        faintest = min(faintest, _faintest(bars[i : i + minute], tonic, steps))
    return {"minutes": total, "recovered": right / total, "faintest_telling_share": round(faintest, 4)}


def _faintest(bars: Sequence[BarScore], tonic: int, steps: tuple[int, ...]) -> float:
    """Return the share of the sounding time of the rarest degree that tells the mode from its neighbours."""
    time_of: Counter[int] = Counter()
    for bar in bars:
        for note in bar.notes:
            time_of[(note.pitch - tonic) % 12] += note.duration  # type: ignore[assignment]
    telling = {s for s in steps if any(s not in other for other in _neighbours(steps))}
    return min(time_of[step] for step in telling) / sum(time_of.values())


def _neighbours(steps: tuple[int, ...]) -> list[tuple[int, ...]]:
    scales = list(MODES.values())
    at = scales.index(steps)
    return scales[max(0, at - 1) : at] + scales[at + 1 : at + 2]


def foreign_bars(bars: int, seed: int = 1) -> int:
    """Return in how many bars at random states a note begins, or sounds on, that is not of the mode."""
    foreign = 0
    lasting: list[tuple[float, int]] = []
    before = None
    for bar in compose(random_states(random.Random(seed), bars), Piece(seed=seed)):
        lasting = [note for note in lasting if note[0] > 4 * bar.index + 1e-6]
        lasting += [(4 * bar.index + note.offset + note.duration, note.pitch) for note in bar.notes]
        scale = {(bar.tonic + step) % 12 for step in MODES[bar.mode.openness]}
        changing = before is not None and bar.mode is not before
        foreign += not changing and any(pitch % 12 not in scale for _, pitch in lasting)
        before = bar.mode
    return foreign


# --- motif, repetition, rest ------------------------------------------------------------------------------


def melody(bar: BarScore) -> tuple[tuple[float, int], ...]:
    """Return offset and pitch of the melody's notes."""
    return tuple((note.offset, note.pitch) for note in bar.notes if note.layer == "melody")


def head(bars: Sequence[BarScore]) -> list[tuple[float, int]]:
    """Return beat and pitch of the first four notes of a melody."""
    return [(4 * i + at, pitch) for i, bar in enumerate(bars) for at, pitch in melody(bar)][:4]


def alike(one: Sequence[tuple[float, int]], other: Sequence[tuple[float, int]]) -> bool:
    """Return whether two lines have the same rhythm, and move the same way but once at most."""
    if [at for at, _ in one] != [at for at, _ in other]:
        return False
    turns = [[np.sign(b - a) for (_, a), (_, b) in pairwise(line)] for line in (one, other)]
    return sum(a != b for a, b in zip(*turns, strict=True)) <= 1


def phrases(bars: Sequence[BarScore]) -> Iterator[list[BarScore]]:
    """Yield the bars of each phrase."""
    starts = [i for i, bar in enumerate(bars) if bar.place == 0]
    for i, j in zip(starts, [*starts[1:], len(bars)], strict=True):
        yield list(bars[i:j])


def theme_back(state: MusicState, bars: int, seed: int) -> float:
    """Return in which share of windows of 20 bars a phrase begins as another one does."""
    score = compose([state] * bars, Piece(seed=seed))
    heads = [(phrase[0].index, head(phrase[:2])) for phrase in phrases(score)]
    windows = [[line for at, line in heads if start <= at < start + 20] for start in range(8, bars - 20, 4)]
    return fmean(any(alike(a, b) for i, a in enumerate(window) for b in window[:i]) for window in windows)


def repetition(seed: int = 0) -> dict[str, float]:
    """Return the worst of `theme_back` over states, and whether the melody rests in eight bars, always."""
    rng = random.Random(seed)
    back, silent = 1.0, 1.0
    for density in (0.0, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0):
        for mode in MODES:
            state = MusicState(mode=mode, density=density, layers=2, register=rng.random())
            if density >= 0.35:
                back = min(back, theme_back(state, 176, rng.randrange(10_000)))
            score = compose([state] * 176, Piece(seed=rng.randrange(10_000)))
            rests = [not melody(bar) for bar in score]
            silent = min(silent, fmean(any(rests[i : i + 8]) for i in range(len(rests) - 7)))
    return {"theme_back_in_20_bars": back, "silent_bar_in_8": silent}


# --- endings and cost -------------------------------------------------------------------------------------


def endings(seed: int = 0) -> dict[str, float]:
    """Return when the last chord lands, as a share of the fade, over tempi, fades and moments of the stop."""
    rng = random.Random(seed)
    landings, homes, late = [], [], 0
    for tempo in (30, 40, 50, 60, 80, 100, 120, 140):
        for fade_s in (15.0, 20.0, 30.0):
            for _ in range(4):
                state = MusicState(tempo_bpm=tempo, layers=rng.randint(2, 8), density=rng.random())
                performance = Performance(Piece(seed=rng.randrange(1000), tonic=3))
                for _ in range(60 * rng.randint(12, 30) + rng.randrange(60)):
                    performance.block(state)
                asked = performance.block(state).start_frame / 48_000
                performance.end(fade_s)
                notes = [
                    note for _ in range(round(60 * (fade_s + 1))) for note in performance.block(state).notes
                ]
                low = min((note.pitch, -note.time_s) for note in notes if note.layer in ("bass", "pad"))
                final = max((n for n in notes if n.layer in ("bass", "pad")), key=lambda n: n.time_s)
                landings.append((final.time_s - asked) / fade_s)
                # The last chord is rolled: its notes begin within a tenth of a second.
                last = [n for n in notes if abs(n.time_s - final.time_s) <= 0.1]
                homes.append(min(n.pitch for n in last) % 12 == 3 and low is not None)
                late += any(n.time_s + n.duration_s > asked + fade_s + 0.5 for n in last)
    return {
        "home": fmean(homes),
        "latest_landing_share": round(max(landings), 3),
        "mean_landing_share": round(fmean(landings), 3),
        "ring_beyond_fade": late,
    }


def cost(bars: int = 600) -> dict[str, float]:
    """Return what a bar of the richest state costs to compose and to render, and how memory grows."""
    state = MusicState(density=1.0, layers=8)
    composer = Composer(Piece())
    begun = time.process_time()
    for _ in range(bars):
        composer.bar(state)
    spent = 1000 * (time.process_time() - begun) / bars
    bar_ms = 1000 * 4 * 60 / state.tempo_bpm
    rendered = bar_ms * rendering_percent(state) / 100
    tracemalloc.start()
    composer = Composer(Piece())
    for _ in range(1500):
        composer.bar(state)
    gc.collect()
    early = tracemalloc.get_traced_memory()[0]
    for _ in range(1500):
        composer.bar(state)
    gc.collect()
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return {
        "ms_per_bar": round(spent, 3),
        "rendered_ms_per_bar": round(rendered, 1),
        "percent_of_rendering": round(100 * spent / rendered, 2),
        "memory_growth_kB": round((late - early) / 1024, 1),
    }


def figures(bars: int = 10_000) -> dict[str, object]:
    """Return all figures of the composition."""
    return {
        "voice_leading": voice_leading(bars),
        "rank_correlations": rank_correlations(),
        "mode": mode_recovery(),
        "foreign_bars": foreign_bars(2000),
        "repetition": repetition(),
        "endings": endings(),
        "cost": cost(),
    }


def missed(measured: dict[str, object]) -> list[str]:
    """Return which goals the figures miss, in words."""
    leading, ranks = measured["voice_leading"], measured["rank_correlations"]
    mode, repeated = measured["mode"], measured["repetition"]
    ending, spent = measured["endings"], measured["cost"]
    for part in (leading, ranks, mode, repeated, ending, spent):
        if not isinstance(part, dict):
            raise TypeError("the figures are not those of figures()")
    goals = [
        *((f"voice leading: {kind}", count == 0) for kind, count in leading["breaches"].items()),  # type: ignore[index]
        *((f"rank correlation of {name}", value >= 0.95) for name, value in ranks.items()),  # type: ignore[attr-defined]
        ("mode from events", mode["recovered"] == 1.0),  # type: ignore[index]
        ("pitch classes of the mode", measured["foreign_bars"] == 0),
        ("a theme within 20 bars", repeated["theme_back_in_20_bars"] >= 0.9),  # type: ignore[index]
        ("a silent bar of melody in 8", repeated["silent_bar_in_8"] == 1.0),  # type: ignore[index]
        ("an end on the tonic", ending["home"] == 1.0),  # type: ignore[index]
        ("a landing within two thirds of the fade", ending["latest_landing_share"] <= 2 / 3),  # type: ignore[index]
        ("no ring beyond the fade", ending["ring_beyond_fade"] == 0),  # type: ignore[index]
        ("composing within 1.2 % of rendering", spent["percent_of_rendering"] <= 1.2),  # type: ignore[index]
        ("flat memory", spent["memory_growth_kB"] < 50),  # type: ignore[index]
    ]
    return [name for name, reached in goals if not reached]

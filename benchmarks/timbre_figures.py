"""The sound of each palette beside recordings of people's music, its attacks, and what is left in pauses.

    python benchmarks/timbre_figures.py [--palette NAME...] [--long]

Bounds are the 10 to 90 % of 22 calm recordings of free games, measured by the same code
(`timbre_measures.CALM_RECORDINGS`); what was chosen otherwise says so.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

if __name__ == "__main__":  # run as a script, this file would hide the packages beside its folder
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from benchmarks.played_notes import ALL, AT_REST, IN_MOTION, STATES, Bound, out_of_bounds
from benchmarks.rendering import blocks, render
from benchmarks.timbre_measures import CALM_RECORDINGS, attacks_ms, sound_measures
from generator.render import VirtualPlayer
from generator.score import SAMPLE_RATE, PlayedScore
from generator.state import LAYERS, PALETTES, Mode, MusicState, Piece

SETTLED_S = 20.0
"""Left out at the beginning: the layers have entered and the leveller has settled."""

SOLO = MusicState(
    tempo_bpm=56.0,
    mode=Mode.IONIAN.openness,
    density=0.3,
    layers=1,
    register=0.45,
    brightness=0.35,
    articulation=0.15,
)
SOLO_S, SOLO_SETTLED_S = 90.0, 4.0

NOTES_S = 16.0
"""Length of the music whose last note is waited for."""

AFTER_S, FLOOR_AFTER_S, LISTENED_S = 10.0, 20.0, 1.0
QUIET_DBFS = -80.0

SILENCE_FROM_S, SILENT_BY_S, SILENCE_S = 8.0, 30.0, 3.0
"""The fade into a silence takes 15 s, from the end of the bar."""

PROCESSES = 2

DRONES = ("deep-drone",)
"""Palettes to fall asleep to: dark and still by intent, so air, flatness and flux are not judged."""

AIR = ("5000_10000", "10000_16000")
LEAST_FLUX_IN_MOTION, LEAST_FLUX_AT_REST = 0.10, 0.08
HIGHEST_RISE_DB, HIGHEST_RISE_AT_REST_DB = 8.0, 6.4
"""Chosen: at rest the median of the recordings, so that nothing startles."""


def attack_limit_ms(palette: str) -> float | None:
    """Return how fast the melody of a palette has to speak; None where it is bowed, sung or swells.

    Chosen: strings and bars that are plucked or struck speak within 5 ms (sampled harps have 2.2), hammers
    of felt within 12.
    """
    return {
        "warm-pads": 12.0,
        "felt-piano": 12.0,
        "harp-bells": 5.0,
        "kalimba-bells": 5.0,
    }.get(palette)


def bounds_of(palette: str) -> tuple[Bound, ...]:
    """Return the bounds that hold for a palette.

    The lowest band is judged where a bass plays, air and flatness in motion: rest is darker by intent. That
    the bass is in the middle is no fault.
    """
    judged: dict[str, tuple[str, ...]] = dict.fromkeys(CALM_RECORDINGS, ALL)
    judged |= dict.fromkeys(("band_20_60_db", "correlation_20_60", "flatness_db"), IN_MOTION)
    judged |= {f"band_{band}_db": IN_MOTION for band in AIR}
    del judged["flux"], judged["rise_db"]
    unbound = {"correlation_20_60", "correlation_60_150"}
    bounds = [
        Bound(name, states, low, math.inf if name in unbound else high)
        for name, states in judged.items()
        for low, high in [CALM_RECORDINGS[name]]
    ]
    liveliest = CALM_RECORDINGS["flux"][1]
    bounds += [
        Bound("flux", IN_MOTION, LEAST_FLUX_IN_MOTION, liveliest),
        Bound("flux", AT_REST, LEAST_FLUX_AT_REST, liveliest),
        Bound("rise_db", IN_MOTION, high=HIGHEST_RISE_DB),
        Bound("rise_db", AT_REST, high=HIGHEST_RISE_AT_REST_DB),
    ]
    if palette not in DRONES:
        return tuple(bounds)
    exempt = {"flatness_db", "flux"} | {
        name for band in AIR for name in (f"band_{band}_db", f"correlation_{band}")
    }
    return tuple(bound for bound in bounds if bound.name not in exempt)


def sound(palette: str, state: str, seed: int, tonic: int, seconds: float) -> dict[str, float]:
    """Return the measures of so many seconds of a piece held in one of `STATES`."""
    piece = Piece(palette=palette, seed=seed, tonic=tonic)
    audio = render(STATES[state], piece, SETTLED_S + seconds).audio
    return sound_measures(audio[round(SETTLED_S * SAMPLE_RATE) :])


def melody_attacks_ms(palette: str, seed: int) -> npt.NDArray[np.float64]:
    """Return the attacks of a melody alone."""
    piece = Piece(palette=palette, seed=seed, unwanted=tuple(name for name in LAYERS if name != "melody"))
    solo = render(SOLO, piece, SOLO_S)
    return attacks_ms(solo.audio, [note.time_s for note in solo.notes if note.time_s >= SOLO_SETTLED_S])


def dbfs(amplitude: float) -> float:
    """Return an amplitude relative to full scale in dB, −200 at the least."""
    return round(20.0 * math.log10(max(amplitude, 1e-10)), 1)


def pauses(palette: str) -> dict[str, float]:
    """Return what is heard of a palette when no note sounds, nature sounds being off.

    The notes of some bars are played as a recording that goes on without any, the controls still open. The
    pad is not wanted, for with it a drone would sound on. Then a silence is asked for.
    """
    piece = Piece(palette=palette, seed=1, unwanted=("pad",))
    composed = render(STATES["match"], piece, NOTES_S)
    score = PlayedScore(
        notes=tuple(note for note in composed.notes if note.time_s + note.duration_s <= NOTES_S),
        beats=composed.beats,
    )
    ended_s = max(note.time_s + note.duration_s for note in score.notes)
    seconds = ended_s + FLOOR_AFTER_S + LISTENED_S
    with VirtualPlayer(piece, sound=True, fade_in_s=1.0, played=score) as player:
        audio = np.concatenate(list(blocks(player, lambda _: STATES["match"], seconds + 0.1)))
        audio = audio[player.latency_frames :]
    after, floor = (
        audio[round((ended_s + begins) * SAMPLE_RATE) :][: round(LISTENED_S * SAMPLE_RATE)]
        for begins in (AFTER_S, FLOOR_AFTER_S)
    )
    silenced = render(
        lambda t: replace(STATES["match"], sounding=t < SILENCE_FROM_S),
        replace(piece, unwanted=()),
        SILENT_BY_S + SILENCE_S,
    ).audio
    return {
        "after_last_note_peak_dbfs": dbfs(float(np.abs(after).max())),
        "after_last_note_rms_dbfs": dbfs(float(np.sqrt(np.mean(after**2)))),
        "noise_floor_rms_dbfs": dbfs(float(np.sqrt(np.mean(floor**2)))),
        "music_peak_dbfs": dbfs(float(np.abs(audio).max())),
        "in_silence_peak": float(np.abs(silenced[round(SILENT_BY_S * SAMPLE_RATE) :]).max()),
    }


def figures(*, long: bool = False, palettes: Sequence[str] = PALETTES) -> dict[str, Any]:
    """Return the figures of each palette: means over seeds and tonics in each state, attacks, pauses.

    `long` takes 5 seeds on 4 tonics and 180 s of each in place of 2 seeds on one tonic and 90 s.
    """
    seeds, tonics, seconds = (range(1, 6), (0, 3, 5, 8), 180.0) if long else (range(1, 3), (0,), 90.0)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        sounds: dict[tuple[str, str], list[Future[dict[str, float]]]] = {
            (palette, state): [
                pool.submit(sound, palette, state, seed, tonic, seconds) for seed in seeds for tonic in tonics
            ]
            for palette in palettes
            for state in STATES
        }
        attacks = {
            palette: [pool.submit(melody_attacks_ms, palette, seed) for seed in seeds] for palette in palettes
        }
        quiet = {palette: pool.submit(pauses, palette) for palette in palettes}
        return {
            palette: {
                **{state: means([future.result() for future in sounds[palette, state]]) for state in STATES},
                "attack": spread_ms(np.concatenate([future.result() for future in attacks[palette]])),
                "pauses": quiet[palette].result(),
            }
            for palette in palettes
        }


def means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each measure."""
    return {name: round(fmean(row[name] for row in rows), 3) for name in rows[0]}


def spread_ms(attacks: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return how many attacks were timed, their median and their 95th percentile."""
    if not attacks.size:
        return {"notes": 0}
    median, longest = np.percentile(attacks, (50, 95))
    return {"notes": attacks.size, "median_ms": round(median, 2), "percentile_95_ms": round(longest, 2)}


def missed(found: dict[str, Any]) -> list[str]:
    """Return what lies outside the bounds, in words."""
    return [
        f"{palette}: {line}"
        for palette, figures_ in found.items()
        for line in (
            *out_of_bounds(figures_, bounds_of(palette)),
            *slow_attacks(palette, figures_["attack"]),
            *heard_in_pauses(figures_["pauses"]),
        )
    ]


def slow_attacks(palette: str, attack: dict[str, float]) -> list[str]:
    """Return what the attacks of a palette's melody miss, in words."""
    limit = attack_limit_ms(palette)
    if limit is None:
        return []
    if not attack["notes"]:
        return ["no attack of the melody could be timed"]
    median = attack["median_ms"]
    return [f"attack of {median} ms, not at most {limit:g}"] if median > limit else []


def heard_in_pauses(pause: dict[str, float]) -> list[str]:
    """Return what is heard of a palette that ought not to be, in words."""
    checks = {
        f"{pause['after_last_note_peak_dbfs']} dBFS ten seconds after the last note": (
            pause["after_last_note_peak_dbfs"] > QUIET_DBFS
        ),
        f"noise floor of {pause['noise_floor_rms_dbfs']} dBFS": pause["noise_floor_rms_dbfs"] > QUIET_DBFS,
        "silence is not digital silence": pause["in_silence_peak"] != 0.0,
        "no music before the pause": pause["music_peak_dbfs"] < -40.0,
    }
    return [words for words, wrong in checks.items() if wrong]


def main() -> int:
    """Print the figures as JSON and what they miss."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--palette", nargs="+", choices=PALETTES, default=PALETTES, metavar="NAME")
    parser.add_argument("--long", action="store_true", help="5 seeds on 4 tonics, 180 s of each")
    asked = parser.parse_args()
    found = figures(long=asked.long, palettes=asked.palette)
    print(json.dumps(found, indent=1))
    lines = missed(found)
    print(*lines, sep="\n", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())

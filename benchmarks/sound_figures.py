"""How the palettes sound, measured from their sound: what `figures` returns and `missed` judges.

    python benchmarks/sound_figures.py [--quick]

Rendering is the product's; all measuring is in ``ears``, which shares nothing with it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

# Run as a script, this file would hide the packages beside its folder.
ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from benchmarks import ears
from benchmarks.clicks import CLICK_STANDS_OUT, clicks
from benchmarks.levels import loudness_lufs, offset_db
from benchmarks.rendering import render
from generator.render import VirtualPlayer
from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, ControlFrame, NoteEvent
from generator.state import LAYERS, PALETTES, Mode, MusicState, Piece
from generator.synthesis.synth import Synth

SETTLED_S = 4.0
SILENT_AFTER_S = 30.0
"""The fade into a silence takes 15 s, from the end of the bar; the last three of these are looked at."""

LEAST_RENDERS = 10
"""With fewer of a palette, nine of ten modes told is judged over all palettes only."""

PLUCKED = MusicState(tempo_bpm=76, density=0.6, layers=5, brightness=0.5, articulation=0.4)
DETACHED = replace(PLUCKED, articulation=0.8)
STATES = {
    "calm": MusicState(
        tempo_bpm=48, mode=0.8, density=0.15, layers=2, register=0.35, brightness=0.2, articulation=0.1
    ),
    "middle": MusicState(
        tempo_bpm=64, mode=0.6, density=0.4, layers=4, register=0.5, brightness=0.45, articulation=0.3
    ),
    "rich": MusicState(
        tempo_bpm=84, mode=0.4, density=0.8, layers=8, register=0.65, brightness=0.75, articulation=0.5
    ),
}


def settled(piece: Piece, state: MusicState, seconds: float) -> Any:
    """Return `seconds` of sound after it has faded in."""
    return render(state, piece, seconds + SETTLED_S).audio[round(SETTLED_S * SAMPLE_RATE) :]


def onset_error_ms(palette: str) -> float:
    """Return how far the first audible sample of any layer lies from its note's frame, at the worst.

    Each layer plays a note alone, at a place within the block of its own, attack at its shortest; audible
    is what comes within 80 dB of the note's peak. Pads and choirs, which swell, are left out.
    """
    shape = ControlFrame(
        level_db=0.0, breath_db=0.0, fade=1.0, brightness=0.8, articulation=1.0, density=0.5,
        layer_gains=(1.0,) * len(LAYERS),
    )  # fmt: skip
    quiet = replace(shape, layer_gains=(0.0,) * len(LAYERS))
    worst = 0.0
    for index, layer in enumerate(LAYERS):
        frame = 4 * BLOCK_FRAMES + 97 * (index + 1)
        note = NoteEvent(
            frame=frame,
            number=index,
            duration_s=1.0,
            beat=0.0,
            bar=0,
            pitch=60 + index,
            velocity=80,
            layer=layer,
        )
        gains = replace(shape, layer_gains=tuple(float(each == layer) for each in LAYERS))
        with closing(Synth(Piece(palette=palette))) as synth:
            audio = np.concatenate(
                [
                    synth.render(
                        Block(
                            start_frame=i * BLOCK_FRAMES,
                            notes=(note,) if i == 4 else (),
                            note_ends=(),
                            beats=(),
                            shape=quiet if layer == "pad" and i < 4 else gains,
                        )
                    )
                    for i in range(90)
                ]
            )
            at = np.abs(audio).max(axis=1)
            begins = int(np.argmax(at > 1e-4 * at.max())) - synth.latency_frames
        if layer in {"melody", "arpeggio", "bells", "bass"}:
            worst = max(worst, abs(begins - frame) / SAMPLE_RATE * 1e3)
    return worst


def answers(palette: str, steps: int, share: float) -> dict[str, float]:
    """Return rank correlations between what is asked for and what is heard, for each field.

    Each field has its own length, of which a share is taken: the middle of a spectrum is found in less time
    than how dense its notes are.
    """
    piece = Piece(palette=palette, seed=5)
    fields: dict[str, tuple[Sequence[float], Callable[[Any, int], float], float]] = {
        "brightness": (np.linspace(0, 1, steps), ears.centroid_hz, 12.0),
        "articulation": (np.linspace(0, 1, steps), ears.detachment_db, 40.0),
        "level_db": (np.linspace(-18, 0, steps), loudness_lufs, 12.0),
        "register": (np.linspace(0, 1, steps), ears.mean_pitch, 40.0),
        "density": (np.linspace(0, 1, steps), ears.onset_rate_hz, 40.0),
    }
    found = {}
    for field, (asked, measure, seconds) in fields.items():
        heard = [
            measure(settled(piece, replace(DETACHED, **{field: float(value)}), share * seconds), SAMPLE_RATE)
            for value in asked
        ]
        found[field] = round(float(spearmanr(asked, heard).statistic), 3)
    return found


def modes(palette: str, asked: Sequence[Mode], tonics: Sequence[int], seconds: float) -> dict[str, Any]:
    """Return the shares of renders whose mode, and whose family, is told from the sound."""
    exact = family = count = 0
    wrong = []
    for tonic in tonics:
        for mode in asked:
            state = replace(PLUCKED, mode=mode.openness)
            audio = settled(Piece(palette=palette, tonic=tonic, seed=tonic), state, seconds)
            told, name = ears.mode_of(audio, SAMPLE_RATE, tonic), mode.name.lower()
            count += 1
            exact += told == name
            family += (told in ears.MAJOR) == (name in ears.MAJOR)
            if told != name:
                wrong.append(f"{name} on {tonic} as {told}")
    return {"renders": count, "exact": exact / count, "family": family / count, "wrong": wrong}


def digest(palette: str) -> str:
    """Return the SHA-256 of ten seconds of a piece with all there is."""
    sound = render(STATES["rich"], Piece(palette=palette, nature="rain", seed=9), 10.0)
    return hashlib.sha256(sound.audio.tobytes()).hexdigest()


def same_elsewhere(palette: str) -> bool:
    """Return whether another process makes the same samples."""
    code = f"from benchmarks.sound_figures import digest; print(digest({palette!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return other.stdout.split()[-1] == digest(palette)


def excerpt(palette: str, name: str, seconds: float) -> dict[str, float]:
    """Return what an excerpt measures."""
    sound = render(STATES[name], Piece(palette=palette, seed=2, tonic=2), seconds + SETTLED_S)
    audio, notes = sound.audio[round(SETTLED_S * SAMPLE_RATE) :], sound.notes
    onsets = [note.time_s - SETTLED_S for note in notes]
    rough, varies = ears.roughness(audio, SAMPLE_RATE)
    return {
        "centroid_hz": round(ears.centroid_hz(audio, SAMPLE_RATE)),
        "below_200_hz": round(ears.share_below(audio, SAMPLE_RATE, 200.0), 3),
        "roughness": round(rough, 4),
        "roughness_variance": round(varies, 6),
        "loudness_lufs": round(loudness_lufs(audio, SAMPLE_RATE), 2),
        "loudness_range_lu": round(ears.loudness_range_lu(audio, SAMPLE_RATE), 2),
        "crest_db": round(ears.crest_db(audio), 1),
        "onsets_per_s": round(ears.onset_rate_hz(audio, SAMPLE_RATE), 2),
        "notes_per_s": round(len(notes) / (seconds + SETTLED_S), 2),
        "click": round(float(clicks(audio, SAMPLE_RATE, onsets).stands_out.max()), 2),
        "dc_db": round(offset_db(audio)),
        "finite": bool(np.isfinite(audio).all()),
    }


def silence(palette: str) -> dict[str, float]:
    """Return the largest sample while silence is asked for, bed and all, and of what comes after it."""
    sound, quiet = PLUCKED, replace(PLUCKED, sounding=False)
    with VirtualPlayer(Piece(palette=palette, nature="stream"), sound=True, fade_in_s=1.0) as player:
        for _ in range(100):
            player.step(sound)
        heard = [player.step(quiet).audio for _ in range(round(SILENT_AFTER_S * 20))]
        after = [player.step(sound).audio for _ in range(60)]
    return {
        "asked_for": float(np.abs(np.concatenate(heard[-60:])).max()),
        "after": float(np.abs(np.concatenate(after)).max()),
    }


def figures(*, quick: bool = False) -> dict[str, Any]:
    """Return all figures by palette.

    `quick` takes fewer and shorter renders, and of modes and excerpts only some for each palette: together
    the palettes have all of them.
    """
    found = {}
    for number, palette in enumerate(PALETTES):
        asked, names, tonics = list(Mode), list(STATES), (0, 2, 5, 7, 10)
        if quick:
            asked = [asked[(number + step) % len(asked)] for step in (0, len(asked) // 2)]
            names, tonics = [names[number % len(names)]], (2,)
        found[palette] = {
            "onset_error_ms": round(onset_error_ms(palette), 3),
            "rank_correlation": answers(palette, 4 if quick else 9, 0.5 if quick else 1.0),
            "modes": modes(palette, asked, tonics, 30.0 if quick else 60.0),
            "excerpts": {name: excerpt(palette, name, 20.0 if quick else 60.0) for name in names},
            "silence": silence(palette),
            "same_in_another_process": same_elsewhere(palette),
        }
    return found


def modes_told(figures: dict[str, Any]) -> float:
    """Return the share of the renders of all palettes whose mode is told from the sound."""
    told = [figures[palette]["modes"] for palette in PALETTES]
    return sum(each["exact"] * each["renders"] for each in told) / sum(each["renders"] for each in told)


def missed(figures: dict[str, Any]) -> list[str]:
    """Return what misses its floor, one line each."""
    lines = []
    if (exact := modes_told(figures)) < 0.9:
        lines.append(f"mode told from the sound in {exact:.0%}")
    for palette in PALETTES:
        found = figures[palette]
        rank = found["rank_correlation"]
        checks = {
            "onsets differ from their notes by more than 1 ms": found["onset_error_ms"] > 1.0,
            "mode told from the sound in less than 90 %": (
                found["modes"]["renders"] >= LEAST_RENDERS and found["modes"]["exact"] < 0.9
            ),
            "major or minor not always told from the sound": found["modes"]["family"] < 1.0,
            "another process makes other samples": not found["same_in_another_process"],
            "silence is not digital silence": found["silence"]["asked_for"] != 0.0,
            "no sound after silence": found["silence"]["after"] == 0.0,
        }
        checks |= {f"{field} follows its command below .95": value < 0.95 for field, value in rank.items()}
        for name, measured in found["excerpts"].items():
            checks[f"{name}: not finite"] = not measured["finite"]
            checks[f"{name}: a click"] = measured["click"] > CLICK_STANDS_OUT
            checks[f"{name}: DC above -60 dB"] = measured["dc_db"] > -60.0
            checks[f"{name}: more than 1 LU from -23"] = abs(measured["loudness_lufs"] + 23.0) > 1.0
        lines += [f"{palette}: {line}" for line, wrong in checks.items() if wrong]
    return lines


def main() -> int:
    """Print the figures as JSON and what they miss."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter renders")
    found = figures(quick=parser.parse_args().quick)
    print(json.dumps(found, indent=1))
    lines = missed(found)
    print(*lines, sep="\n", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main())

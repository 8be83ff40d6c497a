"""What a room costs from block to block, and what the palettes' rooms are like behind their filters."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks.reverb_measures import (
    Samples,
    decay_s,
    mono_loss_db,
    semitone_range_db,
    tail_correlation,
    tail_spectrum_sd_db,
)
from generator.score import BLOCK_FRAMES, SAMPLE_RATE
from generator.synthesis.convolution import BLOCKS_PER_PARTITION, CrossfadedConvolution
from generator.synthesis.impulse import record_impulse
from generator.synthesis.palettes import BY_NAME
from generator.synthesis.room import Room

BLOCKS_A_SECOND = SAMPLE_RATE // BLOCK_FRAMES
LONGEST_FRAMES = round(6.5 * SAMPLE_RATE)

TO_TRANSFORM = 1.0
"""A second of two responses of 6.5 s costs at most so many times 100 transforms of a second of sound by NumPy
in the same process (median). Measured on a busy machine: 0.50 to 0.70, 2.3 to 4.5 % of a core."""

WORST_TO_MEAN = 2.0
"""The dearest block of a long partition against the mean, each by its median over many partitions (measured:
1.1 to 1.2)."""

TRANSFORMS_EVERY = 8
"""Partitions between the transforms: what they put out of the processor's cache falls out of the median."""

SD_DB, RANGE_DB, CORRELATION, MONO_LOSS_DB = 6.2, 13.5, 0.1, 1.0
DECAY_ERROR = 0.05
OCTAVES_HZ = (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""At 125 Hz a draw of noise decays as asked within 5 % only on average; the tests average there."""


def transform_s(times: int = 10) -> float:
    """Return the CPU seconds of a transform of a second of sound by NumPy."""
    second = np.sin(np.arange(SAMPLE_RATE) * 0.05)
    began = time.thread_time()
    for _ in range(times):
        np.fft.rfft(second)
    return (time.thread_time() - began) / times


def cost(partitions: int = 80) -> dict[str, Any]:
    """Measure a pair of responses of 6.5 s while it crossfades, and once it is idle."""
    rng = np.random.default_rng(0)
    fall = 10.0 ** (-3.0 * np.arange(LONGEST_FRAMES) / SAMPLE_RATE / 6.0)[:, None]
    long, short = (fall * rng.standard_normal((LONGEST_FRAMES, 2)) / 100.0 for _ in range(2))
    room = CrossfadedConvolution(long, short)
    sound = 0.1 * rng.standard_normal((BLOCKS_PER_PARTITION, 2, BLOCK_FRAMES))
    spent, transforms = np.zeros((partitions, BLOCKS_PER_PARTITION)), []
    for partition in range(partitions):
        for number, block in enumerate(sound):
            share = (partition * BLOCKS_PER_PARTITION + number) % 100 / 100.0
            began = time.thread_time()
            room.process(block, (1.0 - share, share))
            spent[partition, number] = time.thread_time() - began
        if partition % TRANSFORMS_EVERY == 0:
            transforms.append(transform_s())
    block_s = np.median(spent[2:], axis=0)
    silence = np.zeros((2, BLOCK_FRAMES))
    for _ in range(LONGEST_FRAMES // BLOCK_FRAMES + 8 * BLOCKS_PER_PARTITION):
        room.process(silence, (1.0, 0.0))
    began = time.thread_time()
    for _ in range(100):
        room.process(silence, (1.0, 0.0))
    idle_s = (time.thread_time() - began) / 100.0
    return {
        "block_us": round(float(block_s.mean()) * 1e6, 1),
        "core_percent": round(float(block_s.mean()) * BLOCKS_A_SECOND * 100.0, 2),
        "to_transform": round(float(block_s.mean()) * BLOCKS_A_SECOND / (100.0 * median(transforms)), 3),
        "worst_to_mean": round(float(block_s.max() / block_s.mean()), 2),
        "idle_to_mean": round(idle_s / float(block_s.mean()), 3),
    }


def figures() -> dict[str, Any]:
    """Return the cost of a pair of rooms, and the measures of each palette's through its sound graph."""
    rooms = {}
    for palette, sounds in BY_NAME.items():
        for articulation, room in enumerate(sounds.rooms):
            name = ("long", "short")[articulation]
            impulse = record_impulse(sounds, articulation)
            # Behind the direct sound, which is the same on both sides.
            reflected = impulse[round(room.pre_delay_s * SAMPLE_RATE) :]

            def error(hz: float, impulse: Samples = impulse, room: Room = room) -> float:
                return abs(decay_s(impulse, hz) / room.decay_s(hz) - 1.0)

            rooms[f"{palette}, {name}"] = {
                "decay_1000_s": round(decay_s(impulse, 1000.0), 2),
                "worst_decay_error": round(max(error(hz) for hz in OCTAVES_HZ), 3),
                "tail_spectrum_sd_db": round(tail_spectrum_sd_db(impulse), 2),
                "semitone_range_db": round(semitone_range_db(impulse), 1),
                "tail_correlation": round(tail_correlation(impulse), 3),
                "mono_loss_db": round(mono_loss_db(reflected), 2),
            }
    return {"cost": cost(), "rooms": rooms}


def missed(found: dict[str, Any]) -> list[str]:
    """Return what was reached once and is lost, in words."""
    lines = []
    spent = found["cost"]
    if spent["to_transform"] > TO_TRANSFORM:
        lines.append(f"a room costs {spent['to_transform']} times the transforms")
    if spent["worst_to_mean"] > WORST_TO_MEAN:
        lines.append(f"the dearest block costs {spent['worst_to_mean']} times the mean")
    for name, room in found["rooms"].items():
        bounds = {
            "worst_decay_error": DECAY_ERROR,
            "tail_spectrum_sd_db": SD_DB,
            "mono_loss_db": MONO_LOSS_DB,
        }
        if name.endswith("long"):  # a second after the tone little is left of a short room
            bounds["semitone_range_db"] = RANGE_DB
        lines += [f"{name}: {key} {room[key]}" for key, bound in bounds.items() if room[key] > bound]
        if abs(room["tail_correlation"]) > CORRELATION:
            lines.append(f"{name}: tail_correlation {room['tail_correlation']}")
    return lines

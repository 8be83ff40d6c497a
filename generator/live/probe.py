"""Print the sound devices there are as one line of JSON; for `probe_outputs`, which runs this apart.

python -m generator.live.probe
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import Any

import pyo64 as pyo

from generator.errors import SoundError
from generator.live.devices import BackEnd
from generator.live.output import booted
from generator.player import NO_LATENCY
from generator.score import CHANNELS, SAMPLE_RATE

JACK_PERIODS = 2


def devices() -> list[dict[str, Any]]:
    """Return the fields of each OutputDevice."""
    return jack() + portaudio()


def jack() -> list[dict[str, Any]]:
    """Return JACK, if its server runs at 48 kHz."""
    try:
        server = booted(BackEnd(kind="jack", name="JACK", latency=NO_LATENCY))
    except SoundError:
        return []
    latency_s = JACK_PERIODS * server.getBufferSize() / SAMPLE_RATE
    server.shutdown()
    row = {"name": "JACK", "index": None, "back_end": "jack", "channels": None}
    return [{**row, "default_rate": SAMPLE_RATE, "latency_s": latency_s, "default": True}]


def portaudio() -> list[dict[str, Any]]:
    """Return PortAudio's devices with two channels at least."""
    if not pyo.pa_count_devices():
        return []
    _, infos = pyo.pa_get_devices_infos()
    rows = []
    for index, info in sorted(infos.items()):
        channels = pyo.pa_get_output_max_channels(index)
        if channels >= CHANNELS:
            row = {"name": info["name"], "index": index, "back_end": "portaudio", "channels": channels}
            row |= {"default_rate": float(info["default sr"]), "latency_s": info["latency"]}
            rows.append({**row, "default": index == pyo.pa_get_default_output()})
    return rows


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        found = devices()
    sys.stdout.write("\n" + json.dumps(found) + "\n")

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


def jack() -> list[dict[str, Any]]:
    """Return JACK as the fields of an OutputDevice, if its server runs at 48 kHz."""
    try:
        server = booted(BackEnd(kind="jack", name="JACK", latency=NO_LATENCY))
    except SoundError:
        return []
    latency_s = JACK_PERIODS * server.getBufferSize() / SAMPLE_RATE
    server.shutdown()
    row = {"name": "JACK", "index": None, "back_end": "jack"}
    return [{**row, "latency_s": latency_s, "default": True}]


def portaudio() -> list[dict[str, Any]]:
    """Return PortAudio's devices with two channels at least, each as the fields of an OutputDevice."""
    if not pyo.pa_count_devices():
        return []
    _, infos = pyo.pa_get_devices_infos()
    rows = []
    for index, info in sorted(infos.items()):
        if pyo.pa_get_output_max_channels(index) >= CHANNELS:
            row = {"name": info["name"], "index": index, "back_end": "portaudio"}
            row |= {"latency_s": info["latency"], "default": index == pyo.pa_get_default_output()}
            rows.append(row)
    return rows


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        found = jack() + portaudio()
    sys.stdout.write("\n" + json.dumps(found) + "\n")

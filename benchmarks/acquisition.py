"""Acquisition: rates, latencies, times, and what garbage and a long session cost, as JSON.

    python benchmarks/acquisition.py [--fuzz N] [--soak HOURS]

`--fuzz` is the number of byte sequences for each parser; a million takes half an hour. `--soak` is how
long emulated devices with faults are recorded, in virtual time; eight hours take about five minutes. Exits
with 1 if a floor is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

# Run as a script, this file would hide the package whose name it bears.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.lsl_figures import lsl_figures
from benchmarks.serial_figures import serial_figures
from benchmarks.soak_figures import DEVICES, soak_figures
from benchmarks.timebase_figures import FLOOR_P95_MS, timebase_figures

LSL_AGE_MS = 2.0
GROWTH_MB = 5.0
LINE_RATE_HZ = 4000.0
LINE_LATENCY_MS = 2.0


def missed(figures: dict[str, Any]) -> list[str]:
    """Return the floors that were missed, in words."""
    found = []
    if (age := figures["lsl"]["ours"]["age_median_ms"]) > LSL_AGE_MS:
        found.append(f"LSL sample age at first read {age} ms > {LSL_AGE_MS} ms")
    if (error := figures["timebase"]["error_p95_ms"]) > FLOOR_P95_MS:
        found.append(f"time of serial samples {error} ms off > {FLOOR_P95_MS} ms")
    if lost := figures["timebase"]["lost"]:
        found.append(f"{lost} serial samples lost")
    serial = figures["serial"]
    for name, figure in serial["rate without backlog"].items():
        if figure["parser, Hz"] < LINE_RATE_HZ:
            found.append(f"{name} is parsed at {figure['parser, Hz']} Hz < {LINE_RATE_HZ:g} Hz")
    chain = serial["whole chain, CSV lines"]
    if chain["delivered"] != chain["sent"]:
        found.append(f"{chain['delivered']} of {chain['sent']} lines were delivered in time at 4 kHz")
    if (latency := serial["line to chunk at 250 Hz"]["median, ms"]) > LINE_LATENCY_MS:
        found.append(f"line to chunk {latency} ms > {LINE_LATENCY_MS} ms")
    found += [
        f"{name} raised {one['first exception']}"
        for name, one in serial["garbage"].items()
        if one["exceptions"]
    ]
    soak = figures["soak"]
    found += [f"{name}: recorded is not sent less lost" for name in DEVICES if not soak[name]["exact"]]
    if len(peaks := soak["peak_memory_MB"]) > 1 and peaks[-1] - peaks[0] > GROWTH_MB:
        found.append(f"memory grew by {peaks[-1] - peaks[0]:.1f} MB")
    return found


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fuzz", type=int, default=20_000, metavar="N")
    parser.add_argument("--soak", type=float, default=0.2, metavar="HOURS")
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "lsl": lsl_figures(),
        "timebase": timebase_figures(),
        "serial": serial_figures(options.fuzz),
        "soak": soak_figures(options.soak),
    }
    figures["missed"] = missed(figures)
    print(json.dumps(figures, indent=2, ensure_ascii=False))
    return 1 if figures["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())

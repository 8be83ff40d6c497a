"""Devices for the live benchmark, each in a process of its own: a pair of LSL outlets, a serial device.

    python -m benchmarks.devices lsl NAME EPOCH     ECG at 250 Hz and EDA at 32 Hz, each with an index channel
    python -m benchmarks.devices serial LINK EPOCH  the ECG as lines ``ecg,index`` at 250 Hz, 12 at a time

Samples are numbered from EPOCH (seconds of the LSL clock), so a device that was killed and started again
goes on where it would have been: what is missing then is what it did not send.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import pty
import subprocess
import sys
import time
import tty
from pathlib import Path

import numpy as np
import pylsl

from acquisition.simulated.listener import VirtualListener

ROOT = Path(__file__).resolve().parents[1]
ECG_HZ, EDA_HZ = 250, 32
LOOP_S = 60
BURST = 12


def signals() -> tuple[np.ndarray, np.ndarray]:
    """Return a minute of a virtual listener's ECG (mV) and EDA (µS), to be played in a loop."""
    listener = VirtualListener("responder", seed=1)
    chunks = [chunk for second in range(LOOP_S) for chunk in listener.read(float(second) + 1.0)]
    ecg, eda = (
        np.concatenate([chunk.samples[:, 0] for chunk in chunks if chunk.stream.kind == kind])
        for kind in ("ecg", "eda")
    )
    return ecg[: LOOP_S * ECG_HZ], eda[: LOOP_S * EDA_HZ]


def outlet(name: str, kind: str, unit: str, rate: int) -> pylsl.StreamOutlet:
    """Return an outlet of two channels: the signal, and its sample index."""
    info = pylsl.StreamInfo(f"{name}-{kind}", kind.upper(), 2, rate, pylsl.cf_double64, f"{name}-{kind}")
    channels = info.desc().append_child("channels")
    for label, channel_unit in ((kind, unit), ("index", "a.u.")):
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", channel_unit)
    return pylsl.StreamOutlet(info)


def send_lsl(name: str, epoch: float) -> None:
    """Send both streams for ever, each sample at its time."""
    ecg, eda = signals()
    streams = [
        (outlet(name, "ecg", "mV", ECG_HZ), ecg, ECG_HZ),
        (outlet(name, "eda", "uS", EDA_HZ), eda, EDA_HZ),
    ]
    next_index = [math.ceil((pylsl.local_clock() - epoch) * rate) for _, _, rate in streams]
    while True:
        for place, (stream, values, rate) in enumerate(streams):
            while (stamp := epoch + next_index[place] / rate) <= pylsl.local_clock():
                index = next_index[place]
                stream.push_sample([float(values[index % len(values)]), float(index)], stamp)
                next_index[place] += 1
        time.sleep(0.001)


def send_lines(link: Path, epoch: float) -> None:
    """Write lines for ever to a pseudo-terminal whose path is linked to `link`."""
    ecg, _ = signals()
    master, slave = pty.openpty()
    tty.setraw(slave)
    fresh = link.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    fresh.symlink_to(os.ttyname(slave))
    fresh.replace(link)
    index = math.ceil((pylsl.local_clock() - epoch) * ECG_HZ)
    while True:
        last = index + BURST
        time.sleep(max(0.0, epoch + last / ECG_HZ - pylsl.local_clock()))
        lines = [f"{ecg[number % len(ecg)]:.4f},{number}\r\n" for number in range(index, last)]
        os.write(master, "".join(lines).encode())
        index = last


class Device:
    """A device process that can be killed and started again where it would have been."""

    def __init__(self, kind: str, place: str) -> None:
        self._arguments = [kind, place, repr(pylsl.local_clock())]
        self.start()

    def start(self) -> None:
        """Switch it on."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.devices", *self._arguments], cwd=ROOT
        )

    def kill(self) -> None:
        """Pull the plug."""
        self._process.kill()
        self._process.wait()


def lsl_inputs(name: str) -> tuple[str, ...]:
    """Return the specifications of both outlets and their index channels."""
    return tuple(
        f"{kind}=lsl:name={name}-{stream}&channel={channel}"
        for stream in ("ecg", "eda")
        for kind, channel in ((stream, stream), ("acc", "index"))
    )


def serial_inputs(link: Path) -> tuple[str, ...]:
    """Return the specifications of the serial device's two columns."""
    port = f"serial:{link}?profile=lines&rate=250"
    return (f"ecg={port}&column=0&unit=mV", f"acc={port}&column=1")


def main() -> None:
    """Be a device until killed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("device", choices=["lsl", "serial"])
    parser.add_argument("place")
    parser.add_argument("epoch", type=float)
    options = parser.parse_args()
    if options.device == "lsl":
        send_lsl(options.place, options.epoch)
    else:
        send_lines(Path(options.place), options.epoch)


if __name__ == "__main__":
    main()

"""Figures of serial devices: garbage survived, rate that a parser keeps up with, time from line to chunk."""

from __future__ import annotations

import os
import pty
import random
import resource
import statistics
import time
import tty

import numpy as np
from pylsl import local_clock

from acquisition.serial.parsers import MAX_LINE_BYTES
from acquisition.serial.profiles import bitalino, known_profiles
from acquisition.serial.profiles.profile import DeviceSettings, Profile
from acquisition.serial.source import SerialSource
from acquisition.spec import parse_spec
from acquisition.streams import StreamInfo

RUN = 8
SAMPLES = 20_000


def setting_of(profile: Profile, channels: int = 2) -> DeviceSettings:
    """Return a setting of the first channels."""
    return DeviceSettings(
        rate_hz=profile.rate_hz or 250.0,
        channels=tuple(channel.label for channel in profile.channels[:channels]),
        options={option.name: option.default for option in profile.options},
    )


def sent(profile: Profile, setting: DeviceSettings, counts: list[int], first: int = 0) -> list[bytes]:
    """Return what a device sends for counts, a piece for each sample."""
    device = profile.device(setting)
    for exchange in profile.start(setting):
        device.receive(exchange.send)
    return [
        device.send(first + place, dict.fromkeys(setting.channels, float(count)))
        for place, count in enumerate(counts)
    ]


def mutated(pieces: list[bytes], chance: random.Random) -> bytes:
    """Return a device's bytes with some of them gone, doubled, changed or garbage."""
    pieces = list(pieces)
    for _ in range(chance.randint(0, 4)):
        at = chance.randrange(len(pieces))
        kind = chance.randrange(6)
        if kind == 0:
            pieces.insert(at, chance.randbytes(chance.randint(1, 60)))
        elif kind == 1:
            pieces[at] = pieces[at][: chance.randint(0, len(pieces[at]))]
        elif kind == 2:
            pieces.insert(at, pieces[at])
        elif kind == 3 and pieces[at]:
            flipped = bytearray(pieces[at])
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
            pieces[at] = bytes(flipped)
        elif kind == 4:
            pieces.insert(at, chance.randbytes(1) * chance.randint(1, 1500))
        else:
            del pieces[at : at + chance.randint(1, 3)]
            pieces = pieces or [b""]
    return b"".join(pieces)


def fuzzed(profile: Profile, sequences: int, seed: int = 1) -> dict[str, object]:
    """Feed random and mutated sequences, one behind the other and in random cuts, each before an intact run.

    A run counts as found if its samples come out whole and last. In front of a line stands a line end; to be
    believed a frame needs another behind it. Garbage that passes every check of a frame by chance, which a
    checksum of four bits allows, costs frames that overlap it.
    """
    chance = random.Random(seed)
    setting = setting_of(profile)
    parser = profile.parser(setting)
    lines = not profile.start(setting)
    most_kept, whole, missing, refused = 0, 0, 0, []
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    for number in range(sequences):
        base = sent(profile, setting, [chance.randint(0, 999) for _ in range(RUN)], number)
        garbage = chance.randbytes(chance.randint(0, 120)) if number % 2 else mutated(base, chance)
        run = [chance.randint(0, 999) for _ in range(RUN)]
        data = garbage + b"\n" * lines + b"".join(sent(profile, setting, run, number))
        rows = []
        try:
            while data:
                cut = chance.randint(1, 200)
                rows.append(parser.feed(data[:cut])[:, 0])
                data = data[cut:]
                most_kept = max(most_kept, len(parser._rest))  # noqa: SLF001 - nothing else may need it
        except Exception as error:  # noqa: BLE001 - that there is none is what is measured
            refused.append(repr(error))
            parser = profile.parser(setting)
            continue
        found = np.concatenate(rows)[-RUN:]
        right = int(np.sum(found == run[-found.size :])) if found.size else 0
        whole += right == RUN
        missing += RUN - right
    return {
        "sequences": sequences,
        "exceptions": len(refused),
        "first exception": refused[0] if refused else None,
        "runs found whole": whole,
        "intact samples not found": f"{missing} of {RUN * sequences}",
        "most bytes kept": most_kept,
        "limit": MAX_LINE_BYTES + 1 if lines else 3 * bitalino.frame_bytes(6),
        "memory growth, MB": round(
            (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb) / 1024, 1
        ),
        "cpu, s": round(time.process_time() - started, 1),
    }


def rate_without_backlog(profile: Profile, block: int = 12) -> dict[str, float]:
    """Return CPU time per sample, and how many samples a second one core can parse, in bursts of `block`."""
    setting = setting_of(profile, channels=4)
    pieces = sent(profile, setting, [place % 1000 for place in range(SAMPLES)])
    blocks = [b"".join(pieces[at : at + block]) for at in range(0, SAMPLES, block)]
    parser = profile.parser(setting)
    started = time.process_time()
    for data in blocks:
        parser.feed(data)
    spent_s = time.process_time() - started
    return {"µs per sample": round(1e6 * spent_s / SAMPLES, 2), "parser, Hz": round(SAMPLES / spent_s)}


class Pipe:
    """A pseudo-terminal whose far end this process writes to."""

    def __init__(self) -> None:
        self.far, near = pty.openpty()
        tty.setraw(near)
        self.name = os.ttyname(near)

    def source(self, rate_hz: float) -> SerialSource:
        """Return a source of lines on it."""
        spec = parse_spec(f"ecg=serial:{self.name}?profile=lines&rate={rate_hz:g}")
        stream = StreamInfo(
            stream_id="x", name="ecg", kind=spec.kind, unit="a.u.", rate_hz=rate_hz, labels=("0",)
        )
        source = SerialSource([spec], [stream])
        source.open()
        os.write(self.far, b"\n")
        return source


def whole_chain(rate_hz: float = 4000.0, seconds: float = 4.0) -> dict[str, float]:
    """Send lines through a terminal at a rate, read 20 times a second; return CPU and what is left behind.

    CPU is that of this process: the sender's share, measured on its own, is small.
    """
    pipe = Pipe()
    source = pipe.source(rate_hz)
    started, cpu = local_clock(), time.process_time()
    sent_lines = read = 0
    due_s = started
    while (now := local_clock()) < started + seconds:
        due = int((now - started) * rate_hz)
        if due > sent_lines:
            os.write(pipe.far, b"".join(b"%d,%d\n" % (n, n) for n in range(sent_lines, due)))
            sent_lines = due
        if now >= due_s:
            read += sum(chunk.times.size for chunk in source.read(now))
            due_s += 0.05
        time.sleep(0.005)
    spent_s = time.process_time() - cpu
    deadline = local_clock() + 2.0
    while read < sent_lines and local_clock() < deadline:
        read += sum(chunk.times.size for chunk in source.read(local_clock()))
        time.sleep(0.02)
    source.close()
    return {
        "lines per second": rate_hz,
        "sent": sent_lines,
        "delivered": read,
        "cpu of a core, %": round(100 * spent_s / seconds, 1),
        "cpu per 1000 samples, ms": round(1e6 * spent_s / sent_lines, 2),
    }


def latency_ms(rate_hz: float = 250.0, lines: int = 400) -> dict[str, float]:
    """Return the time from writing a line to reading the chunk with it, by a reader that always asks."""
    pipe = Pipe()
    source = pipe.source(rate_hz)
    started = local_clock() + 0.1
    waits = []
    for number in range(lines):
        while local_clock() < started + number / rate_hz:
            source.read(local_clock())
            time.sleep(0.0002)
        written = local_clock()
        os.write(pipe.far, b"%d\n" % number)
        found = False
        while not found and local_clock() < written + 0.5:
            for chunk in source.read(local_clock()):
                found |= bool(np.any(chunk.samples[:, 0] == number))
            if not found:
                time.sleep(0.0001)
        waits.append(1000 * (local_clock() - written))
    source.close()
    settled = waits[lines // 4 :]
    return {
        "median, ms": round(statistics.median(settled), 2),
        "95 %, ms": round(float(np.percentile(settled, 95)), 2),
    }


def serial_figures(sequences: int) -> dict[str, object]:
    """Return all of them."""
    profiles = known_profiles()
    return {
        "rate without backlog": {name: rate_without_backlog(one) for name, one in profiles.items()},
        "whole chain, CSV lines": whole_chain(),
        "line to chunk at 250 Hz": latency_ms(),
        "garbage": {name: fuzzed(one, sequences) for name, one in profiles.items()},
    }

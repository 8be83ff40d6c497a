"""Writes small SoundFonts: what a test says, with the lists and end records that the format needs."""

import struct
from dataclasses import dataclass, field

import numpy as np

from generator.synthesis.soundfont_file import Generator

RATE_HZ = 44_100
PADDING = np.zeros(46, np.int16)
"""The specification asks for 46 frames of silence after each sample."""


@dataclass
class Recorded:
    """A sample: its audio from −1 to 1, and the loop within it."""

    audio: np.ndarray
    loop: tuple[int, int] = (0, 0)
    rate_hz: int = RATE_HZ
    root_key: int = 60
    correction: int = 0
    kind: int = 1


@dataclass
class Preset:
    """A preset of one instrument; a zone is a mapping of generators, with the number of its sample."""

    zones: list[dict[int, int]]
    name: str = "Piano"
    bank: int = 0
    number: int = 0
    common: dict[int, int] = field(default_factory=dict)
    outer: dict[int, int] = field(default_factory=dict)


def both(low, high):
    """The value of a range of keys or velocities."""
    return low | high << 8


def _chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _list(kind, *chunks):
    return _chunk(b"LIST", kind + b"".join(chunks))


def _sorted(values):
    """Generators in the order of the specification: ranges first, what is played last."""
    last = {Generator.INSTRUMENT, Generator.SAMPLE}
    first = {Generator.KEY_RANGE, Generator.VELOCITY_RANGE}
    return sorted(values.items(), key=lambda pair: (pair[0] in last, pair[0] not in first, pair[0]))


class _Lists:
    """Bags and generators of presets or instruments."""

    def __init__(self):
        self.bags, self.generators = [], []

    def add(self, zones):
        first = len(self.bags)
        for zone in zones:
            self.bags.append(struct.pack("<HH", len(self.generators), 0))
            self.generators += [struct.pack("<HH", number, value & 0xFFFF) for number, value in _sorted(zone)]
        return first

    def ended(self):
        return [*self.bags, struct.pack("<HH", len(self.generators), 0)], [*self.generators, b"\0" * 4]


def written(path, samples, presets):
    """Write a SoundFont; return its path."""
    frames, headers, at = [], [], 0
    for number, sample in enumerate(samples):
        audio = np.rint(np.asarray(sample.audio) * 32_767).astype("<i2")
        places = (at, at + len(audio), at + sample.loop[0], at + sample.loop[1])
        headers.append(
            struct.pack(
                "<20s5IBbHH",
                f"sample {number}".encode(),
                *places,
                sample.rate_hz,
                sample.root_key,
                sample.correction,
                0,
                sample.kind,
            )
        )
        frames += [audio, PADDING]
        at += len(audio) + len(PADDING)
    outer, inner = _Lists(), _Lists()
    heads, instruments = [], []
    for number, preset in enumerate(presets):
        first = outer.add([{**preset.outer, Generator.INSTRUMENT: number}])
        heads.append(
            struct.pack("<20sHHHIII", preset.name.encode(), preset.number, preset.bank, first, 0, 0, 0)
        )
        first = inner.add([*([preset.common] if preset.common else []), *preset.zones])
        instruments.append(struct.pack("<20sH", preset.name.encode(), first))
    heads.append(struct.pack("<20sHHHIII", b"EOP", 0, 0, len(outer.bags), 0, 0, 0))
    instruments.append(struct.pack("<20sH", b"EOI", len(inner.bags)))
    headers.append(struct.pack("<20s5IBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0))
    (pbag, pgen), (ibag, igen) = outer.ended(), inner.ended()
    hydra = {b"phdr": heads, b"pbag": pbag, b"pmod": [b"\0" * 10], b"pgen": pgen}
    hydra |= {b"inst": instruments, b"ibag": ibag, b"imod": [b"\0" * 10], b"igen": igen, b"shdr": headers}
    body = (
        b"sfbk"
        + _list(b"INFO", _chunk(b"ifil", struct.pack("<HH", 2, 4)), _chunk(b"INAM", b"test\0\0"))
        + _list(b"sdta", _chunk(b"smpl", np.concatenate(frames).tobytes()))
        + _list(b"pdta", *(_chunk(name, b"".join(rows)) for name, rows in hydra.items()))
    )
    path.write_bytes(_chunk(b"RIFF", body))
    return path


def sine(hertz, seconds=1.0, rate_hz=RATE_HZ, level=0.5):
    """A tone that begins in its zero crossing."""
    return level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)


def looped(hertz=441.0, periods=20, seconds=0.6, **options):
    """A tone whose loop has a whole number of periods."""
    period = round(RATE_HZ / hertz)
    start = 10 * period
    return Recorded(sine(RATE_HZ / period, seconds), (start, start + periods * period), **options)

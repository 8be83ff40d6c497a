"""Reading SoundFont files (SoundFont 2.04 specification, E-mu Systems and Creative Technology, 2006).

Only what playing a preset's notes needs: the chunks phdr, pbag, pgen, inst, ibag, igen and shdr, and the
16-bit samples of smpl. Modulators are not read; of the default ones, velocity to attenuation is applied where
notes are rendered. What the file says is checked before it is used, and every length is bounded, so that
a damaged file is one clear error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import file_digest
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from generator.errors import SoundFontError, SoundFontFault

Records = npt.NDArray[Any]

MOST_HYDRA_BYTES = 64 * 2**20
"""Of the lists of presets, instruments and samples together; the largest collections have under 10 MB."""

MOST_CHUNKS = 1000
"""Of a file; a usual one has 25."""

MOST_SAMPLE_FRAMES = 16 * 2**20
"""Of one sample: six minutes at 44.1 kHz."""

MOST_ZONES = 20_000
"""Of a preset with its instruments: one for each key and velocity would be 16 384."""

RATES_HZ = (400, 192_000)
"""Sample rates; the specification asks for 400 to 50 000, and files go beyond it."""

UNPITCHED_KEY = 60
"""Root key of samples without one (specification, 7.10: 255 marks them, and 128 to 254 are as good)."""

ROM_SAMPLE = 0x8000
LOWEST_LOOP_FRAMES = 2


class Generator(IntEnum):
    """The parameters of a zone that are used, by their numbers in the file (specification, 8.1.2)."""

    START_OFFSET = 0
    END_OFFSET = 1
    LOOP_START_OFFSET = 2
    LOOP_END_OFFSET = 3
    START_COARSE_OFFSET = 4
    FILTER_CUTOFF = 8
    FILTER_Q = 9
    END_COARSE_OFFSET = 12
    PAN = 17
    VOLUME_DELAY = 33
    VOLUME_ATTACK = 34
    VOLUME_HOLD = 35
    VOLUME_DECAY = 36
    VOLUME_SUSTAIN = 37
    KEY_TO_HOLD = 39
    KEY_TO_DECAY = 40
    INSTRUMENT = 41
    KEY_RANGE = 43
    VELOCITY_RANGE = 44
    LOOP_START_COARSE_OFFSET = 45
    KEY = 46
    VELOCITY = 47
    ATTENUATION = 48
    LOOP_END_COARSE_OFFSET = 50
    COARSE_TUNE = 51
    FINE_TUNE = 52
    SAMPLE = 53
    SAMPLE_MODES = 54
    SCALE_TUNING = 56
    ROOT_KEY = 58


DEFAULTS: Mapping[int, int] = {
    Generator.FILTER_CUTOFF: 13_500,
    Generator.VOLUME_DELAY: -12_000,
    Generator.VOLUME_ATTACK: -12_000,
    Generator.VOLUME_HOLD: -12_000,
    Generator.VOLUME_DECAY: -12_000,
    Generator.KEY: -1,
    Generator.VELOCITY: -1,
    Generator.SCALE_TUNING: 100,
    Generator.ROOT_KEY: -1,
}
"""Values of generators that no zone sets; of all others 0."""

BOUNDS: Mapping[int, tuple[int, int]] = {
    Generator.FILTER_CUTOFF: (1500, 13_500),
    Generator.FILTER_Q: (0, 960),
    Generator.PAN: (-500, 500),
    Generator.VOLUME_DELAY: (-12_000, 5000),
    Generator.VOLUME_ATTACK: (-12_000, 8000),
    Generator.VOLUME_HOLD: (-12_000, 5000),
    Generator.VOLUME_DECAY: (-12_000, 8000),
    Generator.VOLUME_SUSTAIN: (0, 1440),
    Generator.KEY_TO_HOLD: (-1200, 1200),
    Generator.KEY_TO_DECAY: (-1200, 1200),
    Generator.ATTENUATION: (0, 1440),
    Generator.COARSE_TUNE: (-120, 120),
    Generator.FINE_TUNE: (-99, 99),
    Generator.SCALE_TUNING: (0, 1200),
}
"""Ranges to which sums of generators are clipped (specification, 8.1.3)."""

_INSTRUMENTS_ONLY = frozenset(
    {
        Generator.START_OFFSET,
        Generator.END_OFFSET,
        Generator.LOOP_START_OFFSET,
        Generator.LOOP_END_OFFSET,
        Generator.START_COARSE_OFFSET,
        Generator.END_COARSE_OFFSET,
        Generator.LOOP_START_COARSE_OFFSET,
        Generator.LOOP_END_COARSE_OFFSET,
        Generator.KEY,
        Generator.VELOCITY,
        Generator.SAMPLE_MODES,
        Generator.ROOT_KEY,
    }
)
"""Generators that are ignored in presets (specification, 8.1.2)."""

_RANGES = frozenset({Generator.KEY_RANGE, Generator.VELOCITY_RANGE})

_LISTS = {
    "phdr": np.dtype("S20, <u2, <u2, <u2, <u4, <u4, <u4"),
    "pbag": np.dtype("<u2, <u2"),
    "pgen": np.dtype("<u2, <u2"),
    "inst": np.dtype("S20, <u2"),
    "ibag": np.dtype("<u2, <u2"),
    "igen": np.dtype("<u2, <u2"),
    "shdr": np.dtype("S20, <u4, <u4, <u4, <u4, <u4, u1, i1, <u2, <u2"),
}


class PresetName(NamedTuple):
    """A preset as a person finds it."""

    bank: int
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class SoundFontSample:
    """Where a sample stands in the file and how it is played.

    Attributes
    ----------
    start, end, loop_start, loop_end : int
        In frames of the file's samples; `end` and `loop_end` come after the last frame.
    rate_hz : int
        Its sample rate.
    root_key : int
        MIDI note at which it plays at this rate.
    correction_cents : int
        What is added to its pitch.
    """

    start: int
    end: int
    loop_start: int
    loop_end: int
    rate_hz: int
    root_key: int
    correction_cents: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A sample for some keys and velocities.

    Attributes
    ----------
    keys, velocities : tuple of (int, int)
        Lowest and highest.
    values : mapping of int to int
        `Generator` values of preset and instrument, added up and clipped.
    sample : SoundFontSample
        With the offsets of the zone.
    """

    keys: tuple[int, int]
    velocities: tuple[int, int]
    values: Mapping[int, int]
    sample: SoundFontSample

    def plays(self, key: int, velocity: int) -> bool:
        """Return whether it plays a note."""
        return self.keys[0] <= key <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]

    def value(self, generator: Generator) -> int:
        """Return the value of a generator, or its default."""
        return self.values.get(generator, DEFAULTS.get(generator, 0))


class SoundFontFile:
    """A SoundFont on disk: its presets, and the zones and samples of one of them.

    Parameters
    ----------
    path : Path
        The file. It is read now, apart from the samples.

    Raises
    ------
    SoundFontError
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._visited = 0
        try:
            _check_is_file(path)
            with path.open("rb") as file:
                self._read_chunks(file)
        except OSError as error:
            raise SoundFontError(
                SoundFontFault.UNREADABLE,
                f"{path} cannot be read ({error.strerror or error}); a file that can is needed",
            ) from None

    def _read_chunks(self, file: IO[bytes]) -> None:
        size = os.fstat(file.fileno()).st_size
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"sfbk":
            raise self._damaged("it does not begin as a SoundFont does")
        lists: dict[str, Records] = {}
        self._samples_at: tuple[int, int] | None = None
        hydra_bytes = 0
        for name, start, length in _chunks(file, 12, size):
            if name == "smpl":
                self._samples_at = (start, min(length, size - start) // 2)
            elif name in _LISTS:
                hydra_bytes += length
                if length % _LISTS[name].itemsize or start + length > size or hydra_bytes > MOST_HYDRA_BYTES:
                    raise self._damaged(f"its list {name} has {length} bytes")
                file.seek(start)
                lists[name] = np.frombuffer(file.read(length), _LISTS[name])
        missing = [name for name in _LISTS if len(lists.get(name, ())) < 1]
        if missing or self._samples_at is None:
            raise self._damaged(f"it ends before {missing[0] if missing else 'its samples'}")
        self._lists = lists

    def presets(self) -> tuple[PresetName, ...]:
        """Return all presets in the order of bank and number."""
        # The last record of each list marks its end.
        return tuple(sorted(PresetName(int(row[2]), int(row[1]), _text(row[0])) for row in self._presets))

    @property
    def _presets(self) -> Records:
        return self._lists["phdr"][:-1]

    def checksum(self) -> str:
        """Return the SHA-256 of the whole file."""
        try:
            with self.path.open("rb") as file:
                return file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise SoundFontError(
                SoundFontFault.UNREADABLE, f"{self.path} cannot be read ({error.strerror or error})"
            ) from None

    def zones(self, bank: int, preset: int | str) -> tuple[Zone, ...]:
        """Return the zones of a preset.

        Parameters
        ----------
        bank : int
            Its bank.
        preset : int or str
            Its number, or its name (capital or small letters are the same).

        Raises
        ------
        SoundFontError
            If there is no such preset, or what it refers to is damaged.
        """
        self._visited = 0
        return tuple(self._zones(self._index(bank, preset)))

    def _zones(self, index: int) -> Iterator[Zone]:
        for outer in self._bags(_PRESETS, index):
            target = outer.pop(Generator.INSTRUMENT)
            if target >= len(self._lists["inst"]) - 1:
                raise self._damaged(f"a preset refers to instrument {target}, which it does not have")
            for inner in self._bags(_INSTRUMENTS, target):
                if (zone := self._zone(outer, inner)) is not None:
                    yield zone

    def _index(self, bank: int, preset: int | str) -> int:
        for index, row in enumerate(self._presets):
            same = (
                int(row[1]) == preset
                if isinstance(preset, int)
                else _text(row[0]).casefold() == preset.strip().casefold()
            )
            if same and int(row[2]) == bank:
                return index
        names = [f"{each.bank}:{each.number} {each.name}" for each in self.presets()]
        listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004
        raise SoundFontError(
            SoundFontFault.NO_PRESET,
            f"{self.path.name} has no preset {preset!r} in bank {bank}; it has {listed or 'none'}",
        )

    def _bags(self, level: _Level, index: int) -> Iterator[dict[int, int]]:
        """Yield the generators of each zone of a preset or instrument, those of its global zone included."""
        rows, bag, values_of = (self._lists[name] for name in (level.owners, level.bags, level.generators))
        first, after = int(rows[index][level.column]), int(rows[index + 1][level.column])
        if not first <= after < len(bag):
            raise self._damaged(f"its list {level.owners} points outside of {level.bags}")
        common: dict[int, int] = {}
        for number in range(first, after):
            begin, end = int(bag[number][0]), int(bag[number + 1][0])
            self._visited += 1 + max(0, end - begin) // 16
            if not begin <= end <= len(values_of) or self._visited > MOST_ZONES:
                raise self._damaged(
                    f"its zones in {level.bags} are too many or contradict {level.generators}"
                )
            values = _values(values_of[begin:end], level.target)
            if level.target in values:
                yield common | values
            elif number == first:
                common = values

    def _zone(self, outer: Mapping[int, int], inner: Mapping[int, int]) -> Zone | None:
        keys = _common(outer, inner, Generator.KEY_RANGE)
        velocities = _common(outer, inner, Generator.VELOCITY_RANGE)
        added = {
            number: inner.get(number, DEFAULTS.get(number, 0))
            + (outer.get(number, 0) if number not in _INSTRUMENTS_ONLY else 0)
            for number in {*inner, *outer} - _RANGES - {Generator.SAMPLE}
        }
        values = {number: _clipped(number, value) for number, value in added.items()}
        sample = self._sample(inner[Generator.SAMPLE], values)
        if sample is None or keys[0] > keys[1] or velocities[0] > velocities[1]:
            return None
        return Zone(keys, velocities, values, sample)

    def _sample(self, index: int, values: Mapping[int, int]) -> SoundFontSample | None:
        """Return a sample with a zone's offsets; None for one in the memory of a sound card."""
        headers = self._lists["shdr"]
        if index >= len(headers) - 1:
            raise self._damaged(f"an instrument refers to sample {index}, which it does not have")
        _, *limits, rate, key, correction, _link, kind = headers[index].tolist()
        if kind & ROM_SAMPLE:
            return None
        start, end, loop_start, loop_end = (
            limit + values.get(fine, 0) + 32_768 * values.get(coarse, 0)
            for limit, (fine, coarse) in zip(limits, _OFFSETS, strict=True)
        )
        assert self._samples_at is not None  # noqa: S101 - else it would not have been opened
        frames = self._samples_at[1]
        if not (0 <= start < end <= frames and end - start <= MOST_SAMPLE_FRAMES):
            raise self._damaged(f"sample {index} lies at {start} to {end}, and there are {frames} frames")
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            raise self._damaged(f"sample {index} has a rate of {rate} Hz")
        if not (start <= loop_start and loop_start + LOWEST_LOOP_FRAMES <= loop_end <= end):
            loop_start, loop_end = end, end  # none: it is played once
        root = key if key < 128 else UNPITCHED_KEY  # noqa: PLR2004
        return SoundFontSample(start, end, loop_start, loop_end, rate, root, correction)

    def frames(self, sample: SoundFontSample) -> npt.NDArray[np.float32]:
        """Read a sample's frames, −1 to 1, shape (n,)."""
        assert self._samples_at is not None  # noqa: S101 - else it would not have been opened
        try:
            with self.path.open("rb") as file:
                file.seek(self._samples_at[0] + 2 * sample.start)
                data = file.read(2 * (sample.end - sample.start))
        except OSError as error:
            raise SoundFontError(
                SoundFontFault.UNREADABLE, f"{self.path} cannot be read ({error.strerror or error})"
            ) from None
        if len(data) < 2 * (sample.end - sample.start):
            raise self._damaged("it is shorter than it was")
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768.0)

    def _damaged(self, what: str) -> SoundFontError:
        return SoundFontError(
            SoundFontFault.DAMAGED,
            f"{self.path.name} is damaged or no SoundFont 2 ({what}); a whole .sf2 file is needed",
        )


@dataclass(frozen=True, slots=True)
class _Level:
    """The lists of presets or of instruments: what they are called, and what a zone there names."""

    owners: str
    column: int
    bags: str
    generators: str
    target: Generator


_PRESETS = _Level("phdr", 3, "pbag", "pgen", Generator.INSTRUMENT)
_INSTRUMENTS = _Level("inst", 1, "ibag", "igen", Generator.SAMPLE)

_OFFSETS = (
    (Generator.START_OFFSET, Generator.START_COARSE_OFFSET),
    (Generator.END_OFFSET, Generator.END_COARSE_OFFSET),
    (Generator.LOOP_START_OFFSET, Generator.LOOP_START_COARSE_OFFSET),
    (Generator.LOOP_END_OFFSET, Generator.LOOP_END_COARSE_OFFSET),
)


def _chunks(file: IO[bytes], start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, place and length of each chunk; those of lists in place of the lists."""
    for _ in range(MOST_CHUNKS):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:  # noqa: PLR2004
            return
        name, length = head[:4].decode("latin-1"), int.from_bytes(head[4:], "little")
        if name == "LIST":
            start += 12  # its chunks follow one another as those outside do
            continue
        yield name, start + 8, length
        start += 8 + length + length % 2


def _check_is_file(path: Path) -> None:
    if not path.exists():
        raise SoundFontError(
            SoundFontFault.MISSING, f"there is no file {str(path)!r}; a path is relative to the palette file"
        )
    if not path.is_file():  # a pipe would be waited for without end
        raise OSError(f"{path.name} is no file")


def _text(raw: bytes) -> str:
    text = raw.split(b"\0")[0].decode("latin-1").strip()
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _values(rows: Records, target: Generator) -> dict[int, int]:
    """Return generators by their numbers, up to the one that names what the zone plays."""
    values: dict[int, int] = {}
    for number, amount in rows.tolist():
        signed = amount - 65_536 if amount > 32_767 else amount  # noqa: PLR2004
        values[number] = amount if number in _RANGES or number == target else signed
        if number == target:
            break
    return values


def _common(outer: Mapping[int, int], inner: Mapping[int, int], number: Generator) -> tuple[int, int]:
    """Return the keys or velocities that preset and instrument have in common."""
    low, high = 0, 127
    for values in (outer, inner):
        if number in values:
            low, high = max(low, values[number] & 0xFF), min(high, values[number] >> 8)
    return low, high


def _clipped(number: int, value: int) -> int:
    low, high = BOUNDS.get(number, (value, value))
    return min(max(value, low), high)

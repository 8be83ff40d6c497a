"""The cache of rendered instruments: for each an array of samples and its index, in the user's cache folder.

    python -m generator.synthesis.sample_cache NAME...

renders those that are missing and prints, line by line, the share done and the instrument's name.

What is rendered is a pure function of `samples_version`, which names the folder. An index is written after
its array and holds its checksum, so that nothing cut off or damaged is taken for whole; it is rendered anew.
Two processes that build at once write the same bytes, each under names of its own at first.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from zlib import crc32

import numpy as np
from platformdirs import user_cache_path

from generator.errors import SoundError
from generator.synthesis.instruments.sample import Instrument, InstrumentKind, Sample, normalized
from generator.synthesis.sample_set import SampleEntry, SampleSet

CACHE_VARIABLE = "BIOFEEDBACK_CACHE"
"""Environment variable that names another cache folder."""

FORMAT = 1
"""Of the two files of an instrument; it rises when `SampleSet.of` stores samples in another way."""

TAG_NAME = "CACHEDIR.TAG"
TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# Samples of instruments, made by biofeedback-music.\n"
"""Marks a folder that this program made, and keeps back-ups out of it (bford.info/cachedir)."""

SUFFIXES = (".npy", ".json", ".part")
ABANDONED_S = 3600.0
"""Age from which an unfinished file is one of a build that was killed."""

CHUNK_BYTES = 2**20
SUSTAINED_NOTE_S, STRUCK_NOTE_S = 0.25, 0.065
"""How long it takes to render a bowed or sung note or a pad, and a plucked or struck one (measured: means
over the catalog on one core); their ratio makes the progress steady."""

NOT_KEPT = 3
"""Exit status of the command where the cache cannot be written."""

Progress = Callable[[float, str], None]
"""Takes the share done, 0 to 1, and the instrument in work."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampleLibrary:
    """The samples of several instruments.

    Attributes
    ----------
    sets : mapping of str to SampleSet
        By the instrument's name. Arrays from the cache are mapped from their files, and read-only.
    not_kept : str or None
        Why samples are in memory only, in one line; None where all are in the cache.
    """

    sets: Mapping[str, SampleSet]
    not_kept: str | None = None


@cache
def samples_version() -> str:
    """Return the version of the samples: a digest of all that determines them.

    These are the source texts of the instruments, the format of the files, NumPy and SciPy: their random
    generators, transforms and vectorised functions differ in the last bits from version to version.
    """
    sources = sorted((Path(__file__).parent / "instruments").glob("*.py"))
    # SciPy's own file says its version: to import it, or to read its metadata, takes 15 ms and more.
    if (scipy := find_spec("scipy")) is not None and scipy.origin is not None:
        sources.append(Path(scipy.origin).with_name("version.py"))
    digest = sha256(f"{FORMAT} {np.__version__}".encode())
    for file in sources:
        digest.update(f"{file.name}\0{file.read_text(encoding='utf-8')}\0".encode())
    return digest.hexdigest()[:12]


def samples_folder() -> Path:
    """Return the folder of the present version's samples; it need not exist."""
    named = os.environ.get(CACHE_VARIABLE)
    return (Path(named) if named else user_cache_path("biofeedback-music")) / "samples" / samples_version()


def kept_bytes(name: str) -> int | None:
    """Return the size of an instrument's samples in the cache; None where they are missing or cut off.

    Their checksum is not compared: this takes less than a millisecond.
    """
    index = _read_index(samples_folder(), name)
    return None if index is None else index.size


def missing(names: Sequence[str], *, verify: bool = False) -> tuple[str, ...]:
    """Return the instruments that `load` would have to render.

    Parameters
    ----------
    names : sequence of str
        Instruments.
    verify : bool
        Whether to compare checksums too; 120 MB take 0.1 s.
    """
    folder = samples_folder()
    check = _read_set if verify else _read_index
    return tuple(name for name in dict.fromkeys(names) if check(folder, name) is None)


def load(
    names: Sequence[str],
    *,
    progress: Progress | None = None,
    instruments: Mapping[str, Instrument] | None = None,
    again: bool = False,
) -> SampleLibrary:
    """Return the samples of instruments, from the cache or rendered now.

    Parameters
    ----------
    names : sequence of str
        Instruments.
    progress : callable, optional
        Called after each note that was rendered, two to thirty times a second; never if all are in the cache.
    instruments : mapping of str to Instrument, optional
        Models by name; the catalog by default.
    again : bool
        Whether to render also what is in the cache.

    Raises
    ------
    SoundError
        If there is no instrument of a name.
    """
    folder = samples_folder()
    found = {name: None if again else _read_set(folder, name) for name in names}
    wanted = [name for name, samples in found.items() if samples is None]
    sets = {name: samples for name, samples in found.items() if samples is not None}
    if not wanted:
        return SampleLibrary(sets=sets)
    models = _models(wanted, instruments)
    share, refusal = _Share(models, progress), None
    for name, model in models.items():
        # Another process may have made it by now.
        kept = None if again else _read_set(folder, name)
        if kept is None:
            rendered = _rendered(model, share)
            try:
                kept = _keep(folder, name, rendered)
            except OSError as error:
                kept, refusal = rendered, _refusal(folder, error)
        sets[name] = kept
        share.finish(model)
    if refusal is None:
        _remove_rest(folder)
    return SampleLibrary(sets={name: sets[name] for name in found}, not_kept=refusal)


def why_not_kept() -> str | None:
    """Return why nothing can be written to the cache, in one line; None where something can."""
    folder = samples_folder()
    try:
        _make(folder)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return _refusal(folder, error)


def _refusal(folder: Path, error: OSError) -> str:
    return (
        f"the samples of the instruments cannot be kept in {folder} ({error.strerror or error}), so they are "
        f"rendered anew each time; {CACHE_VARIABLE} names another folder"
    )


def _models(names: Sequence[str], instruments: Mapping[str, Instrument] | None) -> dict[str, Instrument]:
    if instruments is None:
        # SciPy takes a second to import, and samples that are in the cache need no model.
        from generator.synthesis.instruments.catalog import INSTRUMENTS  # noqa: PLC0415

        instruments = INSTRUMENTS
    if unknown := [name for name in names if name not in instruments]:
        raise SoundError(f"there is no instrument {', '.join(unknown)}; there are: {', '.join(instruments)}")
    return {name: instruments[name] for name in names}


class _Share:
    """The share done of what is to be rendered, by the time that notes take."""

    def __init__(self, models: Mapping[str, Instrument], progress: Progress | None) -> None:
        self._total = sum(map(_seconds, models.values()))
        self._progress = progress
        self._done = 0.0

    def advance(self, instrument: Instrument, notes: int) -> None:
        """Report that so many notes of the instrument in work are rendered."""
        if self._progress is not None:
            share = (self._done + notes * _seconds_per_note(instrument)) / self._total
            self._progress(min(1.0, share), instrument.name)

    def finish(self, instrument: Instrument) -> None:
        """Report that an instrument is whole."""
        self._done += _seconds(instrument)
        self.advance(instrument, 0)


def _seconds_per_note(instrument: Instrument) -> float:
    sustained = instrument.kind in {InstrumentKind.BOWED, InstrumentKind.SUNG, InstrumentKind.PAD}
    return SUSTAINED_NOTE_S if sustained else STRUCK_NOTE_S


def _seconds(instrument: Instrument) -> float:
    return len(instrument.pitches) * len(instrument.velocities) * _seconds_per_note(instrument)


def _rendered(instrument: Instrument, share: _Share) -> SampleSet:
    # No name holds the samples before they are normalized: they take twice the memory of what is kept.
    samples = SampleSet.of(normalized(list(_reported(instrument, share))))
    # Frame by frame, as they are played, whatever order the models leave them in.
    return SampleSet(np.ascontiguousarray(samples.frames), samples.entries)


def _reported(instrument: Instrument, share: _Share) -> Iterator[Sample]:
    for notes, sample in enumerate(instrument.render_all(), start=1):
        share.advance(instrument, notes)
        yield sample


# The two files of an instrument.


@dataclass(frozen=True, slots=True)
class _Index:
    """What an index says of its array: the size of the file in bytes, its checksum, and its entries."""

    size: int
    checksum: int
    entries: tuple[SampleEntry, ...]


def _array_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _index_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _read_index(folder: Path, name: str) -> _Index | None:
    """Return an instrument's index; None where there is no usable one or its array has another size."""
    try:
        values = json.loads(_index_file(folder, name).read_bytes())
        entries = tuple(SampleEntry(*entry) for entry in values["entries"])
        index = _Index(int(values["bytes"]), int(values["checksum"]), entries)
        whole = values["version"] == samples_version() and (
            index.size == _array_file(folder, name).stat().st_size
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return index if whole else None


def _read_set(folder: Path, name: str) -> SampleSet | None:
    """Return an instrument's samples; None where they are missing, cut off or damaged."""
    if (index := _read_index(folder, name)) is None:
        return None
    try:
        with _array_file(folder, name).open("rb", buffering=0) as file:
            checksum = _checksum(index.entries, iter(lambda: file.read(CHUNK_BYTES), b""))
        return _mapped(folder, name, index.entries) if checksum == index.checksum else None
    except (OSError, ValueError):
        return None


def _mapped(folder: Path, name: str, entries: tuple[SampleEntry, ...]) -> SampleSet:
    return SampleSet(np.load(_array_file(folder, name), mmap_mode="r"), entries)


def _checksum(entries: Iterable[SampleEntry], chunks: Iterable[bytes | memoryview]) -> int:
    """Return the CRC-32 of entries and array.

    It finds what disks and interruptions do to files, and is twice as fast as any digest in the standard
    library (3.3 GB/s against SHA-256's 1.4 GB/s): nobody has to be kept from changing the user's own files.
    """
    checksum = crc32(json.dumps([astuple(entry) for entry in entries]).encode())
    for chunk in chunks:
        checksum = crc32(chunk, checksum)
    return checksum


def _keep(folder: Path, name: str, samples: SampleSet) -> SampleSet:
    """Write an instrument's two files and return its samples, mapped from there.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    _make(folder)
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(samples.frames))
    array = (header.getvalue(), samples.frames.data)
    index = {
        "version": samples_version(),
        "bytes": sum(memoryview(part).nbytes for part in array),
        "checksum": _checksum(samples.entries, array),
        "entries": [astuple(entry) for entry in samples.entries],
    }
    _write(_array_file(folder, name), *array)
    _write(_index_file(folder, name), json.dumps(index).encode())
    return _mapped(folder, name, samples.entries)


def _write(path: Path, *parts: bytes | memoryview) -> None:
    """Write a file under a name of its own, then give it its name.

    It is not forced to the disk: what a power failure leaves of it is found by its checksum.
    """
    with tempfile.NamedTemporaryFile(
        prefix=f".{path.stem}.", suffix=".part", dir=path.parent, delete=False
    ) as file:
        part = Path(file.name)
        try:
            file.writelines(parts)
            file.close()  # where a file cannot be renamed while it is open
            part.replace(path)
        finally:
            file.close()
            part.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    """Make the folder of a version, marked as ours."""
    folder.mkdir(parents=True, exist_ok=True)
    tag = folder / TAG_NAME
    if not tag.exists():
        _write(tag, TAG)


def _remove_rest(folder: Path) -> None:
    """Remove the folders of other versions that this program made, and unfinished files of killed builds."""
    for other in folder.parent.iterdir():
        if other != folder and _is_ours(other):
            # What cannot be removed, such as a file that somebody has put there, stays.
            with suppress(OSError):
                _remove_files(other, older_than_s=0.0, suffixes=SUFFIXES)
                (other / TAG_NAME).unlink()
                other.rmdir()
    with suppress(OSError):
        _remove_files(folder, older_than_s=ABANDONED_S, suffixes=(".part",))


def _is_ours(folder: Path) -> bool:
    try:
        return not folder.is_symlink() and (folder / TAG_NAME).read_bytes() == TAG
    except OSError:
        return False


def _remove_files(folder: Path, *, older_than_s: float, suffixes: tuple[str, ...]) -> None:
    for file in folder.iterdir():
        if file.suffix in suffixes and file.stat().st_mtime <= time.time() - older_than_s:
            file.unlink(missing_ok=True)


def main(names: Sequence[str], *, instruments: Mapping[str, Instrument] | None = None) -> int:
    """Render what the cache lacks of some instruments, and print the progress; return the exit status.

    `instruments` are models by name, as for `load`.
    """
    if missing(names, verify=True) and (reason := why_not_kept()):
        sys.stderr.write(f"{reason}\n")
        return NOT_KEPT

    def show(share: float, name: str) -> None:
        sys.stdout.write(f"{share:.4f} {name}\n")
        sys.stdout.flush()

    library = load(names, progress=show, instruments=instruments)
    if library.not_kept:
        sys.stderr.write(f"{library.not_kept}\n")
    return NOT_KEPT if library.not_kept else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

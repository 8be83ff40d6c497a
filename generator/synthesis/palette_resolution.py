"""A palette by its name or its file: what plays, and what was wrong with the file if a built-in one plays.

    python -m generator.synthesis.palette_resolution PALETTE...

renders the samples that the cache lacks, as `generator.synthesis.sample_cache` does for instruments.

>>> resolve_palette("harp-bells").fault is None
True
>>> resolve_palette("mine.yaml").fault.reason
<PaletteFaultReason.MISSING: 'missing'>
"""

from __future__ import annotations

import sys
from collections import ChainMap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from generator.state import is_palette_file
from generator.synthesis import sample_cache
from generator.synthesis.palettes import BY_NAME
from generator.synthesis.resolved_palette import ResolvedPalette

if TYPE_CHECKING:
    from generator.synthesis.instruments.sample import Instrument


def resolve_palette(name: str) -> ResolvedPalette:
    """Return what plays for a built-in palette's name or a palette file's path.

    A file is read anew each time, with the lists of its SoundFonts and their checksums; their notes are
    rendered only when its instruments are. If anything is wrong with it, the built-in palette that it is
    based on plays, or the first one.

    Parameters
    ----------
    name : str
        A name, or a path that ends in ``.yaml`` or ``.yml``.
    """
    if not is_palette_file(name):
        return ResolvedPalette(palette=BY_NAME[name])
    # pydantic and SciPy take a second to import, and built-in palettes need neither.
    from generator.synthesis.palette_file import read_palette_file  # noqa: PLC0415

    read = read_palette_file(Path(name))
    if not read.faults:
        return read
    return ResolvedPalette(palette=BY_NAME[read.instead], faults=read.faults, instead=read.instead)


def load_samples(
    resolved: ResolvedPalette, *, progress: sample_cache.Progress | None = None, again: bool = False
) -> sample_cache.SampleLibrary:
    """Return the samples of a palette's instruments, as `generator.synthesis.sample_cache.load` does.

    Raises
    ------
    SoundFontError
        If a SoundFont was changed or removed since it was resolved.
    """
    names = resolved.palette.instruments
    return sample_cache.load(names, progress=progress, instruments=_models(resolved), again=again)


def _models(resolved: ResolvedPalette) -> Mapping[str, Instrument] | None:
    if not resolved.instruments:
        return None
    from generator.synthesis.instruments.catalog import INSTRUMENTS  # noqa: PLC0415

    return ChainMap(dict(resolved.instruments), INSTRUMENTS)


def main(names: Sequence[str]) -> int:
    """Render what the cache lacks of some palettes, and print the progress; return the exit status."""
    for name in names:
        resolved = resolve_palette(name)
        if status := sample_cache.main(resolved.palette.instruments, instruments=_models(resolved)):
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Renders an audition in a process of its own.

    python -m biofeedback.audition NAME FILE

renders what the cache lacks of a palette's instruments and then its audition, or the audition of a nature
sound, and prints the share done line by line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from biofeedback.errors import UsageError
from biofeedback.palette_faults import fault_text
from generator.audition import bed_audition, palette_audition, render_audition
from generator.errors import GeneratorError
from generator.state import NATURES
from generator.synthesis.palette_resolution import load_samples, resolve_palette
from generator.synthesis.sample_cache import missing, why_not_kept

SAMPLES_SHARE = 0.9
"""Of the progress, where samples have to be rendered: they take some 40 s, the music three."""


def main(arguments: Sequence[str]) -> int:
    """Render an audition, and print the progress; return the exit status."""
    name, file = arguments

    def show(share: float) -> None:
        sys.stdout.write(f"{share:.4f}\n")
        sys.stdout.flush()

    try:
        begin = _prepare(name, show) if name not in NATURES else 0.0
        audition = bed_audition(name) if name in NATURES else palette_audition(name)
        render_audition(audition, Path(file), progress=lambda share: show(begin + (1.0 - begin) * share))
    except (UsageError, GeneratorError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _prepare(palette: str, show: Callable[[float], None]) -> float:
    """Render the samples that the cache lacks; return the share done, 0 where it lacks none.

    Raises
    ------
    UsageError
        If it is a palette file with a fault.
    """
    resolved = resolve_palette(palette)
    if resolved.fault is not None:
        raise UsageError(fault_text(resolved.fault))
    if not missing(resolved.palette.instruments, verify=True) or why_not_kept() is not None:
        return 0.0
    load_samples(resolved, progress=lambda share, _: show(SAMPLES_SHARE * share))
    return SAMPLES_SHARE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

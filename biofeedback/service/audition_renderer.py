"""Auditions of palettes and nature sounds, each rendered once, in a process of its own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory

from biofeedback.errors import UsageError
from biofeedback.palette_files import located
from biofeedback.service.latest_process import LatestProcess
from generator.state import NATURES, PALETTES, is_palette_file
from generator.synthesis.sample_cache import samples_version

LONGEST_S = 280.0
"""Samples of a palette take up to a minute of processor time, at low priority beside a session that runs."""

MOST_KEPT = 16
"""Auditions kept in memory, of some 2.5 MB each: all palettes and nature sounds."""

AuditionKey = tuple[str, str, str]
"""What an audition depends on: its name, the version of the samples and, for a palette file, its content."""


class AuditionRenderer(LatestProcess):
    """Renders one audition at a time, the newest, and keeps it; `cancel` lets its caller get a `UsageError`.

    Parameters
    ----------
    longest_s : float
        How long an audition may take, in seconds.
    """

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        super().__init__()
        self._longest_s = longest_s
        self._keeping = threading.Lock()
        self._kept: OrderedDict[AuditionKey, bytes] = OrderedDict()
        self._shares: list[list[float]] = []

    @property
    def progress(self) -> float | None:
        """How much of the newest audition is rendered, 0 to 1; None where none is."""
        with self._keeping:
            return self._shares[-1][0] if self._shares else None

    def listen(self, name: str) -> bytes:
        """Return 20 s of a palette, or of a nature sound alone, as FLAC.

        Parameters
        ----------
        name : str
            A palette, a palette file (its path, or its name in the settings folder), or a nature sound.

        Raises
        ------
        UsageError
            If there is none of that name, if it has a fault, took too long, was cancelled or replaced by
            another.
        """
        name = located(name)
        key = _key(name)
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        sound = self._render(name)
        with self._keeping:
            self._kept[key] = sound
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return sound

    def _render(self, name: str) -> bytes:
        share = [0.0]
        with self._keeping:
            self._shares.append(share)
        try:
            with TemporaryDirectory(prefix="biofeedback-") as folder:
                made = Path(folder) / "audition.flac"
                said = self._run(["-m", "biofeedback.audition", name, str(made)], share)
                if said or not made.exists():
                    raise UsageError(said or "the audition could not be rendered")
                return made.read_bytes()
        finally:
            with self._keeping:
                self._shares.remove(share)

    def _run(self, command: list[str], share: list[float]) -> str:
        """Run a process and keep the share that it says it has done; return what went wrong."""
        late = threading.Event()
        with self.running(command) as process:

            def give_up() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(self._longest_s, give_up)
            timer.start()
            try:
                for line in process.stdout or ():
                    share[0] = float(line)
                _, said = process.communicate()
            finally:
                timer.cancel()
        if process.returncode == 0:
            return ""
        if late.is_set():
            return f"the audition took longer than {self._longest_s:g} s"
        if process.returncode < 0:
            return "the audition was cancelled"
        return " ".join(said.strip().splitlines()[-1:]) or "the audition could not be rendered"


def _key(name: str) -> AuditionKey:
    """Return what an audition depends on.

    Raises
    ------
    UsageError
        If there is none of that name, or it is a palette file with a fault.
    """
    if not is_palette_file(name):
        known = (*PALETTES, *NATURES[1:])
        if name not in known:
            raise UsageError(f"{name!r} cannot be listened to; there are {', '.join(known)}")
        return name, samples_version(), ""
    # They load SciPy, which takes a second.
    from biofeedback.palette_faults import fault_text  # noqa: PLC0415
    from generator.synthesis.palette_resolution import resolve_palette  # noqa: PLC0415

    resolved = resolve_palette(name)
    if resolved.fault is not None:
        raise UsageError(fault_text(resolved.fault))
    return name, samples_version(), repr(resolved.palette)

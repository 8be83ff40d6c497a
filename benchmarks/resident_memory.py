"""How much memory this process holds."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def resident_mb() -> float:
    """Return the memory the process holds now; where the system does not say, the most it ever held."""
    if (pages := _pages()) is not None:
        return pages[1] * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def own_mb() -> float:
    """Return the memory it holds without pages of mapped files, which come as samples are first played."""
    if (pages := _pages()) is not None:
        return (pages[1] - pages[2]) * resource.getpagesize() / 2**20
    return resident_mb()


def _pages() -> list[int] | None:
    """Return pages in all, resident, and shared with files (proc_pid_statm(5)); None where it is not said."""
    statm = Path("/proc/self/statm")
    return [int(pages) for pages in statm.read_text(encoding="ascii").split()] if statm.exists() else None

"""Plays an example of isobar (github.com/ideoforms/isobar) as it is into a table of notes, without sound.

Usage: ``python benchmarks/isobar_piece.py EXAMPLE.py SECONDS``, with a Python that has isobar. Prints JSON: a
list of (begin in s, duration in s, MIDI pitch, velocity). The example's own `Timeline` is replaced by one
that steps as fast as the machine goes; nothing else of it is changed.
"""

from __future__ import annotations

import json
import random
import runpy
import sys
from typing import Any

import isobar
from isobar.io.dummy import DummyOutputDevice


class Notes(DummyOutputDevice):  # type: ignore[misc]
    """Writes down what is played."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.sounding: dict[int, tuple[float, float]] = {}
        self.table: list[tuple[float, float, float, float]] = []

    def note_on(self, note: float = 60, velocity: float = 64, channel: int = 0) -> None:  # noqa: ARG002
        """Begin a note; one of the same pitch ends."""
        self.note_off(note)
        self.sounding[note] = (self.now_s, velocity)

    def note_off(self, note: float = 60, channel: int = 0) -> None:  # noqa: ARG002
        """End a note."""
        if note in self.sounding:
            begin, velocity = self.sounding.pop(note)
            self.table.append((begin, self.now_s - begin, note, velocity))


class Stepped(isobar.Timeline):  # type: ignore[misc]
    """A timeline that runs for so many seconds of music and then prints."""

    seconds = 60.0

    def __init__(self, tempo: float = 120.0, **_: Any) -> None:
        self.notes = Notes()
        super().__init__(tempo, output_device=self.notes)

    def run(self, *_: Any, **__: Any) -> None:
        """Step to the end."""
        tick_s = 60.0 / self.tempo / self.ticks_per_beat
        while self.notes.now_s < self.seconds:
            self.tick()
            self.notes.now_s += tick_s
        print(json.dumps(self.notes.table))


def main() -> int:
    """Play the example."""
    random.seed(1)
    Stepped.seconds = float(sys.argv[2])
    isobar.Timeline = Stepped
    runpy.run_path(sys.argv[1], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())

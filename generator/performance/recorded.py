"""The performance of recorded notes: those very notes at their samples, and the controls with them."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TypeVar

from generator.composition.notation import NO_ARC, FormArc, SectionKind
from generator.composition.sections import shaped
from generator.performance.controls import BLOCK_S, SILENCE_FADE_S, Controls
from generator.score import (
    BLOCK_FRAMES,
    SAMPLE_RATE,
    AudibleMusic,
    Block,
    NoteEnd,
    NoteEvent,
    PlayedScore,
    ScoreEvent,
    SectionEvent,
)
from generator.state import Mode, MusicState, Piece, check_seconds

FIRST_LAYERS = 2
"""Layers with which the music begins; then one enters or leaves with every bar."""

_Event = TypeVar("_Event", bound=ScoreEvent)


class RecordedPerformance:
    """Plays recorded notes block by block. It takes the place of a `Performance`, which composes its notes.

    Notes, beats and sections are those of the recording, whatever the states. The controls (level, swells,
    fades, brightness, articulation, density, layers) follow the states and what the form added to them, as
    they do in a `Performance`. A layer is open where the state asks for it, and where it has notes.

    Parameters
    ----------
    piece : Piece
        Its layers and its tonic are used.
    score : PlayedScore
        What sounded.
    fade_in_s : float
        Length of the fade-in at the beginning and after a silence.
    """

    def __init__(self, piece: Piece, score: PlayedScore, *, fade_in_s: float) -> None:
        check_seconds("fade_in_s", fade_in_s)
        self._there_are = piece.layers
        self._metre, self._tonic = score.metre, piece.tonic
        self._fade_in_s = fade_in_s
        self._frame = 0
        self._notes = deque(score.notes)
        self._ends = deque(sorted(map(_end_of, score.notes), key=lambda end: end.frame))
        self._beats = deque(score.beats)
        self._sections = deque(score.sections)
        self._played: defaultdict[int, set[str]] = defaultdict(set)
        for note in score.notes:
            self._played[note.bar].add(note.layer)
        self._bar: int | None = None
        self._at_bar: MusicState | None = None
        self._section: SectionEvent | None = None
        self._asked: tuple[str, ...] = ()
        self._tempo: float | None = None
        self._controls = Controls(piece.layers)
        self._end_s: float | None = None
        self._stop_s: float | None = None

    @property
    def finished(self) -> bool:
        """Whether an end or stop was asked for and has faded to nothing."""
        return self._leaving and self._controls.fade.silent

    def heard(self) -> AudibleMusic | None:
        """Return what a listener heard in the last block at full volume, novelty aside; None in silence."""
        return None if self._tempo is None else self._controls.heard(self._tempo, novelty=0.0)

    def end(self, fade_s: float) -> None:
        """Fade to silence within `fade_s` seconds. Further calls, and calls after a stop, do nothing."""
        check_seconds("fade_s", fade_s)
        if self._end_s is None:
            self._end_s = fade_s

    def stop(self, seconds: float) -> None:
        """Fade out at once, within `seconds`. It overrides an end."""
        check_seconds("seconds", seconds)
        if self._stop_s is None:
            self._stop_s = seconds

    def block(self, state: MusicState) -> Block:
        """Play the next `BLOCK_FRAMES` samples; `state` is the target at their end."""
        start, self._frame = self._frame, self._frame + BLOCK_FRAMES
        sections, beats = self._take(self._sections), self._take(self._beats)
        self._section = sections[-1] if sections else self._section
        for beat in beats:
            if beat.bar != self._bar:
                self._open_bar(beat.bar, state)
        self._tempo = state.tempo_bpm
        self._controls.advance(
            state, self._at_bar or state, layers=self._layers, arc=self._arc, metre=self._metre
        )
        self._move_fade(wanted=state.sounding and not self._leaving)
        section = self._section
        return Block(
            start_frame=start,
            notes=self._take(self._notes),
            note_ends=self._take(self._ends),
            beats=beats,
            sections=sections,
            shape=self._controls.shape(),
            section=section.number if section else 0,
            section_kind=section.kind if section else SectionKind.STATEMENT,
            arc=self._arc,
            tonic=self._tonic,
            mode=Mode.of(state.mode),
        )

    @property
    def _leaving(self) -> bool:
        return self._end_s is not None or self._stop_s is not None

    @property
    def _arc(self) -> FormArc:
        return self._section.arc if self._section else NO_ARC

    @property
    def _layers(self) -> set[str]:
        return set() if self._bar is None else {*self._asked, *self._played[self._bar]}

    def _take(self, waiting: deque[_Event]) -> tuple[_Event, ...]:
        """Return the events that fall into the block, or were left from before it."""
        taken = []
        while waiting and waiting[0].frame < self._frame:
            taken.append(waiting.popleft())
        return tuple(taken)

    def _open_bar(self, bar: int, state: MusicState) -> None:
        """Latch the state; one layer enters or leaves, unless the music comes to its end."""
        self._bar, self._at_bar = bar, state
        if self._leaving:
            return
        there_are, now = self._there_are, len(self._asked)
        wanted = min(shaped(state, self._arc).layers, len(there_are))
        if not now:
            self._asked = there_are[: min(wanted, FIRST_LAYERS)]
        elif wanted != now:
            self._asked = there_are[: now + (1 if wanted > now else -1)]

    def _move_fade(self, *, wanted: bool) -> None:
        fade = self._controls.fade
        if wanted:
            fade.rise(BLOCK_S, self._fade_in_s)
        else:
            fade.fall(BLOCK_S, self._stop_s or self._end_s or SILENCE_FADE_S)


def _end_of(note: NoteEvent) -> NoteEnd:
    return NoteEnd(
        frame=note.frame + round(note.duration_s * SAMPLE_RATE), note=note.number, duration_s=note.duration_s
    )

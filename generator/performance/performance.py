"""The performance: bars of beats become notes at samples, and states become smooth controls."""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple

from generator.composition.composer import Composer
from generator.composition.notation import NO_ARC, BarScore, ScoreNote, SectionKind
from generator.performance.controls import BLOCK_S, SILENCE_FADE_S, Controls
from generator.score import (
    BLOCK_FRAMES,
    BLOCKS_PER_STEP,
    SAMPLE_RATE,
    AudibleMusic,
    BeatEvent,
    Block,
    NoteEnd,
    NoteEvent,
    SectionEvent,
)
from generator.state import Metre, Mode, MusicState, Piece, check_seconds

LANDINGS = (1.0, 0.5)
"""Shares of a bar after the bar line of the cadence at which the tonic may begin, if a pulse falls there.

Otherwise it begins on the bar line.
"""

RINGING = 0.5
"""Least share of the fade that is left for the last chord, unless it begins on the bar line."""

_NOVEL_START = 0.5
_NOVEL_MODE = 0.4
_NOVEL_LAYER = 0.3
_TEMPO_JND = 0.035
"""Relative tempo change that listeners just notice."""

_ROUNDING_BEATS = 1e-9
"""Beats this near to the end of a block belong to the next: a twenty-thousandth of a sample at any tempo."""


@dataclass(frozen=True, slots=True)
class TempoRamp:
    """One block of time in which the tempo moves linearly.

    The position in the score is the integral of the tempo, so beats are exactly where the tempo puts them.
    The tempo counts pulses a minute; `pulse` says how many beats (quarters) a pulse has.
    """

    start_bpm: float
    end_bpm: float
    pulse: float = 1.0

    @property
    def beats(self) -> float:
        """Beats that pass in the block."""
        return (self.start_bpm + self.end_bpm) / 2.0 / 60.0 * BLOCK_S * self.pulse

    def frame(self, beats: float) -> int:
        """Return the sample of the block in which so many beats have passed."""
        rate = self.pulse * self.start_bpm / 60.0 / SAMPLE_RATE
        growth = self.pulse * (self.end_bpm - self.start_bpm) / 60.0 / SAMPLE_RATE / BLOCK_FRAMES
        # rate·x + growth·x²/2 = beats, in the form that stays exact as growth goes to 0
        exact = 2.0 * beats / (rate + sqrt(max(0.0, rate * rate + 2.0 * growth * beats)))
        return min(max(int(exact + 0.5), 0), BLOCK_FRAMES - 1)

    def tempo(self, frame: int) -> float:
        """Return the tempo at a sample of the block."""
        return self.start_bpm + (self.end_bpm - self.start_bpm) * frame / BLOCK_FRAMES


class _Pulse(NamedTuple):
    """A pulse of the metre: its number from the beginning, and its bar."""

    number: int
    bar: int


class _Onset(NamedTuple):
    """The beginning of a note, and the bar in which it is written."""

    note: ScoreNote
    bar: int


class _Release(NamedTuple):
    """The end of a note: its number, and the sample at which it began."""

    number: int
    frame: int

    def at(self, frame: int) -> NoteEnd:
        """Return the end of the note at a sample."""
        return NoteEnd(frame=frame, note=self.number, duration_s=(frame - self.frame) / SAMPLE_RATE)


class _SectionBar(NamedTuple):
    """A bar with which a section begins, or adds something else to the state."""

    score: BarScore
    bar: int


class _Due(NamedTuple):
    """Something that happens at a place in the score, in beats from the last bar line."""

    position: float
    item: _Pulse | _Onset | _Release | _SectionBar


def _position(due: _Due) -> float:
    return due.position


@dataclass(slots=True)
class _Happened:
    """What has happened in a block."""

    notes: list[NoteEvent] = field(default_factory=list)
    note_ends: list[NoteEnd] = field(default_factory=list)
    beats: list[BeatEvent] = field(default_factory=list)
    sections: list[SectionEvent] = field(default_factory=list)


class Performance:
    """Plays a piece block by block, without sound: notes, beats and controls.

    Parameters
    ----------
    piece : Piece
        Tonic and seed; the same piece and states give the same performance.
    fade_in_s : float
        Length of the fade-in at the beginning and after a silence.
    """

    def __init__(self, piece: Piece, *, fade_in_s: float = 10.0) -> None:
        self._composer = Composer(piece)
        check_seconds("fade_in_s", fade_in_s)
        self._fade_in_s = fade_in_s
        self._frame = 0
        self._playing = False
        self._bar = -1
        self._beat = 0.0
        self._score: BarScore | None = None
        self._piece_metre, self._tonic = piece.bar_metre, piece.tonic
        self._waiting: list[_Due] = []
        self._notes_begun = 0
        self._at_bar: MusicState | None = None
        self._tempo: float | None = None
        self._controls = Controls(piece.layers)
        self._end_s: float | None = None
        self._stop_s: float | None = None
        self._cadence_begun = False
        self._closing = False
        self._novelty: deque[float] = deque([0.0] * BLOCKS_PER_STEP, BLOCKS_PER_STEP)

    @property
    def finished(self) -> bool:
        """Whether an end or stop was asked for and has faded to nothing."""
        return self._leaving and self._controls.fade.silent

    def heard(self) -> AudibleMusic | None:
        """Return what a listener heard in the last step (three blocks) at full volume; None in silence."""
        if self._tempo is None:
            return None
        return self._controls.heard(self._tempo, max(self._novelty))

    def end(self, fade_s: float) -> None:
        """Come to an end within `fade_s` seconds: a cadence while the fade begins, then silence.

        The cadence begins on the next bar line. The tonic begins before half of the fade is over wherever the
        tempo allows it, and rings until nothing is heard. Further calls, and calls after a stop, do nothing.
        """
        check_seconds("fade_s", fade_s)
        if self._end_s is None:
            self._end_s = fade_s

    def stop(self, seconds: float = 0.5) -> None:
        """Fade out at once, within `seconds`; no further note begins. It overrides an end."""
        check_seconds("seconds", seconds)
        if self._stop_s is None:
            self._stop_s = seconds
            self._waiting = [due for due in self._waiting if isinstance(due.item, _Release)]

    def block(self, state: MusicState) -> Block:
        """Play the next `BLOCK_FRAMES` samples.

        Parameters
        ----------
        state : MusicState
            The target at the end of the block. The tempo glides there linearly within the block.

        Returns
        -------
        Block
            Notes, beats and sections that begin in it, ends of notes, and the controls at its end.
        """
        # While nothing sounds there is no tempo to start from: the first beat has the tempo asked for.
        before = self._tempo if self._playing and self._tempo is not None else state.tempo_bpm
        start = self._frame
        wanted = state.sounding and not self._leaving
        self._novelty.append(min(1.0, _tempo_novelty(before, state.tempo_bpm)) if self._playing else 0.0)
        happened = _Happened()
        if wanted and not self._playing:
            self._begin(state)
        if self._playing:
            self._advance(state, TempoRamp(before, state.tempo_bpm, self._metre.pulse), happened)
        self._tempo = state.tempo_bpm
        score = self._score
        self._controls.advance(
            state,
            self._at_bar or state,
            layers=score.layers if score else (),
            arc=score.arc if score else NO_ARC,
            metre=self._metre,
        )
        self._move_fade(happened, wanted=wanted)
        self._frame += BLOCK_FRAMES
        return Block(
            start_frame=start,
            notes=tuple(happened.notes),
            note_ends=tuple(happened.note_ends),
            beats=tuple(happened.beats),
            sections=tuple(happened.sections),
            shape=self._controls.shape(),
            section=score.section if score else 0,
            section_kind=score.section_kind if score else SectionKind.STATEMENT,
            arc=score.arc if score else NO_ARC,
            tonic=score.tonic if score else self._tonic,
            mode=score.mode if score else Mode.of(state.mode),
        )

    @property
    def _leaving(self) -> bool:
        return self._end_s is not None or self._stop_s is not None

    @property
    def _metre(self) -> Metre:
        return self._score.metre if self._score else self._piece_metre

    def _begin(self, state: MusicState) -> None:
        if self._bar >= 0:
            self._composer.begin_anew()
        self._playing = True
        self._add_novelty(_NOVEL_START)
        self._open_bar(state)
        self._beat = 0.0

    def _advance(self, state: MusicState, ramp: TempoRamp, happened: _Happened) -> None:
        bar = self._metre.bar
        origin = self._beat
        end = origin + ramp.beats
        while True:
            while self._waiting and self._waiting[0].position < min(end, bar) - _ROUNDING_BEATS:
                due = self._waiting.pop(0)
                self._carry_out(due, ramp, ramp.frame(due.position - origin), happened)
            if end <= bar + _ROUNDING_BEATS:  # a bar line at the very end is the next block's
                break
            origin, end = origin - bar, end - bar
            self._waiting = [_Due(due.position - bar, due.item) for due in self._waiting]
            self._open_bar(state)
        self._beat = end

    def _carry_out(self, due: _Due, ramp: TempoRamp, at: int, happened: _Happened) -> None:
        """Let something happen at a sample of the block."""
        frame, tempo = self._frame + at, ramp.tempo(at)
        match due.item:
            case _Pulse(number, bar):
                happened.beats.append(BeatEvent(frame=frame, beat=number, bar=bar, tempo_bpm=tempo))
            case _Onset(note, bar):
                event = self._note(note, bar, frame, tempo)
                happened.notes.append(event)
                self._await(due.position + note.duration, _Release(event.number, frame))
            case _Release() as release:
                happened.note_ends.append(release.at(frame))
            case _SectionBar(score, bar):
                happened.sections.append(
                    SectionEvent(
                        frame=frame, bar=bar, number=score.section, kind=score.section_kind, arc=score.arc
                    )
                )

    def _await(self, position: float, item: _Pulse | _Onset | _Release | _SectionBar) -> None:
        insort(self._waiting, _Due(position, item), key=_position)

    def _open_bar(self, state: MusicState) -> None:
        """Begin the next bar: latch the state, compose the bar, and queue its beats and notes."""
        before, self._at_bar = self._at_bar, state
        self._bar += 1
        if not self._closing and self._stop_s is None:
            previous = self._score
            score = self._composer.bar(state) if self._end_s is None else self._cadence(state, self._end_s)
            self._score = score
            if previous is None or (score.section, score.arc) != (previous.section, previous.arc):
                self._await(0.0, _SectionBar(score, self._bar))
            # The nudge is so short that the tempo at the bar line is as good as the one at the note.
            to_beats = state.tempo_bpm / 60.0 * score.metre.pulse
            for note in score.notes:
                self._await(note.offset + note.nudge_s * to_beats, _Onset(note, self._bar))
            if previous is not None and score.mode is not previous.mode:
                self._add_novelty(_NOVEL_MODE)
            if before is not None and state.layers != before.layers:
                self._add_novelty(_NOVEL_LAYER)
        metre = self._metre
        for pulse in range(metre.pulses):
            self._await(pulse * metre.pulse, _Pulse(self._bar * metre.pulses + pulse, self._bar))

    def _cadence(self, state: MusicState, fade_s: float) -> BarScore:
        """Return the next bar of the cadence; the fade decides how many beats precede the tonic."""
        metre = self._metre
        beat_s = 60.0 / (state.tempo_bpm * metre.pulse)
        left_s = self._controls.fade.position * fade_s
        lands = (
            land
            for land in (share * metre.bar for share in LANDINGS)
            if land % metre.pulse == 0.0 and left_s - land * beat_s >= RINGING * fade_s
        )
        land = 0.0 if self._cadence_begun else next(lands, 0.0)
        self._cadence_begun = True
        self._closing = land < metre.bar
        return self._composer.cadence(state, land=land, beats=left_s / beat_s)

    def _note(self, note: ScoreNote, bar: int, frame: int, tempo: float) -> NoteEvent:
        number, self._notes_begun = self._notes_begun, self._notes_begun + 1
        return NoteEvent(
            frame=frame,
            number=number,
            duration_s=note.duration * 60.0 / tempo / self._metre.pulse,
            beat=bar * self._metre.bar + note.offset,
            bar=bar,
            pitch=note.pitch,
            velocity=note.velocity,
            layer=note.layer,
        )

    def _move_fade(self, happened: _Happened, *, wanted: bool) -> None:
        fade = self._controls.fade
        if wanted:
            fade.rise(BLOCK_S, self._fade_in_s)
            return
        fade.fall(BLOCK_S, self._stop_s or self._end_s or SILENCE_FADE_S)
        if fade.silent:
            # The rest of the bar is dropped; the next sound begins a new bar. The last sample is silent.
            self._playing = False
            ringing = [due.item for due in self._waiting if isinstance(due.item, _Release)]
            happened.note_ends += [each.at(self._frame + BLOCK_FRAMES - 1) for each in ringing]
            self._waiting.clear()

    def _add_novelty(self, novelty: float) -> None:
        self._novelty[-1] = max(self._novelty[-1], novelty)


def _tempo_novelty(start_bpm: float, end_bpm: float) -> float:
    """Return 0 up to the just noticeable difference, 1 from ten times as much."""
    change = abs(end_bpm / start_bpm - 1.0)
    return max(0.0, change - _TEMPO_JND) / (9.0 * _TEMPO_JND)

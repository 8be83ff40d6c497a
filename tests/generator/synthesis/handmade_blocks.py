"""Blocks with notes made by hand, for tests of what sounds."""

from dataclasses import replace

from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, NoteEnd, NoteEvent


def note(frame, pitch=60, layer="melody", velocity=64, duration_s=2.0):
    """Return a note; `blocks` numbers it."""
    return NoteEvent(
        frame=frame,
        number=0,
        duration_s=duration_s,
        beat=0.0,
        bar=0,
        pitch=pitch,
        velocity=velocity,
        layer=layer,
    )


def blocks(count, notes, shape, *, start=0, **fields):
    """Yield so many blocks from number `start` on; `shape` may be a function of the block's number."""
    notes = [replace(each, number=index) for index, each in enumerate(notes)]
    ends = [
        NoteEnd(
            frame=each.frame + round(each.duration_s * SAMPLE_RATE),
            note=each.number,
            duration_s=each.duration_s,
        )
        for each in notes
    ]
    for index in range(start, start + count):
        first = index * BLOCK_FRAMES
        yield Block(
            start_frame=first,
            notes=_within(notes, first),
            note_ends=_within(ends, first),
            beats=(),
            shape=shape(index) if callable(shape) else shape,
            **fields,
        )


def _within(events, start):
    return tuple(each for each in events if start <= each.frame < start + BLOCK_FRAMES)

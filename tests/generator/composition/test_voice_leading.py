"""Voice leading, told from the notes alone: what the score sounds like, not how it was made."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.composition.composer import Composer
from generator.composition.notation import BarScore
from generator.state import LAYERS, Mode, MusicState, Piece

ROOTS_UP_TO = 52
"""The pad's own root, where no bass sounds, lies here or lower."""

STATES = st.builds(
    MusicState,
    mode=st.sampled_from([mode.openness for mode in Mode]),
    layers=st.integers(1, len(LAYERS)),
    density=st.floats(0, 1),
    register=st.floats(0, 1),
    articulation=st.floats(0, 1),
)
Timed = tuple[float, float, int]


def compose(stretches: list[tuple[MusicState, int]], seed: int) -> list[BarScore]:
    composer = Composer(Piece(seed=seed, tonic=seed % 12))
    return [composer.bar(state) for state, bars in stretches for _ in range(bars)]


def voices(bars: list[BarScore]) -> dict[str, list[Timed]]:
    """Beginning, end and pitch of the notes of each voice; roots of pad and bass are one, the lowest."""
    found: dict[str, list[Timed]] = defaultdict(list)
    for bar in bars:
        for note in bar.notes:
            low = note.layer == "bass" or (note.layer == "pad" and note.pitch <= ROOTS_UP_TO)
            at = 4 * bar.index + note.offset
            found["low" if low else note.layer].append((at, at + note.duration, note.pitch))
    return found


@settings(max_examples=40)
@given(
    stretches=st.lists(st.tuples(STATES, st.integers(1, 12)), min_size=1, max_size=8),
    seed=st.integers(0, 999),
)
def test_voices_keep_apart_below_and_never_cross(stretches: list[tuple[MusicState, int]], seed: int) -> None:
    bars = compose(stretches, seed)
    notes = sorted((at, end, pitch, voice) for voice, line in voices(bars).items() for at, end, pitch in line)
    for i, (at, _, pitch, voice) in enumerate(notes):
        sounding = [note for note in notes[max(0, i - 80) : i] if note[1] > at + 1e-6]
        for _, _, other, of in sounding:
            if min(pitch, other) < 48:
                assert abs(pitch - other) >= 7 or pitch == other
            if (voice == "low") != (of == "low"):
                assert (pitch < other) == (voice == "low")
            if {voice, of} == {"melody", "counter"}:
                assert (pitch < other) == (voice == "counter")


@settings(max_examples=40)
@given(
    stretches=st.lists(st.tuples(STATES, st.integers(1, 12)), min_size=1, max_size=8),
    seed=st.integers(0, 999),
)
def test_outer_voices_make_no_parallels(stretches: list[tuple[MusicState, int]], seed: int) -> None:
    bars = compose(stretches, seed)
    found = voices(bars)
    low = found.pop("low")
    for voice in ("melody", "pad", "strings"):
        # a melody has one voice, though a note may ring into the next; of a choir the highest counts
        tops = {
            at: p if voice == "melody" else max(q for a, e, q in found[voice] if a <= at < e - 1e-6)
            for at, _, p in found[voice]
        }
        times = sorted(tops)
        for (was, _, low_was), (at, _, low_now) in pairwise(low):
            before = [time for time in times if time < at]
            if (
                at not in tops
                or not before
                or voice not in bars[int(at // 4) - 1].layers
                or low_was == low_now
                or at - before[-1] > 8  # it rested: nothing moves in parallel with what is over
            ):
                continue
            top_was, top_now = tops[before[-1]], tops[at]
            if top_was != top_now and at - was <= 8:
                interval = (top_now - low_now) % 12
                assert interval not in (0, 7) or (top_was - low_was) % 12 != interval


@settings(max_examples=40)
@given(state=STATES, seed=st.integers(0, 999))
def test_the_melody_moves_by_a_sixth_at_most(state: MusicState, seed: int) -> None:
    line = voices(compose([(state, 48)], seed))["melody"]
    assert all(abs(b[2] - a[2]) <= 9 for a, b in pairwise(line))


@settings(max_examples=30)
@given(state=STATES, seed=st.integers(0, 999))
def test_the_pad_moves_by_two_semitones_and_only_its_highest_voice_further(
    state: MusicState, seed: int
) -> None:
    chords: list[set[int]] = []
    # Where a melody leads, some voices sing in unison, and pitches alone do not tell which moved.
    for bar in compose([(replace(state, layers=1), 48)], seed):
        struck = {n.pitch for n in bar.notes if n.layer == "pad" and n.pitch > ROOTS_UP_TO and n.offset == 0}
        if len(struck) == 4:  # else a voice moves by itself, or two have met
            chords.append(struck)
        elif struck:
            chords.append(set())
    for before, after in pairwise(chords):
        steps = [abs(a - b) for a, b in zip(sorted(before), sorted(after), strict=False)]
        assert all(step <= 4 for step in steps)
        assert len([step for step in steps[:-1] if step > 2]) <= 1  # one may have moved within the chord


@pytest.mark.parametrize("density", [0.3, 0.7, 1.0])
def test_a_voice_that_moves_on_finds_others_sounding_however_detached(density: float) -> None:
    state = MusicState(density=density, articulation=1.0, layers=1)
    pad = voices(compose([(state, 64)], 3))["pad"]
    moves = [note for note in pad if not any(a == note[0] and p != note[2] for a, _, p in pad)]
    assert moves
    assert all(any(a < at < end for a, end, _ in pad) for at, _, _ in moves)

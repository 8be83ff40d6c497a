"""The MIDI file, read back with mido: what sounded, when it sounded."""

from itertools import pairwise
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.events import TICKS_PER_BEAT, midi_file, write_midi
from generator.performance.controls import BLOCK_S
from generator.performance.performance import Performance
from generator.score import BeatEvent, NoteEvent
from generator.state import LAYERS, Metre, MusicState, Piece


def perform(asked: list[tuple[MusicState, float]]) -> tuple[list[NoteEvent], list[BeatEvent]]:
    performance = Performance(Piece(seed=5))
    blocks = [performance.block(state) for state, seconds in asked for _ in range(round(seconds / BLOCK_S))]
    notes = [note for block in blocks for note in block.notes]
    return notes, [beat for block in blocks for beat in block.beats]


def sounding(file: mido.MidiFile) -> list[tuple[int, int, float]]:
    """Channel, pitch and time of every note that begins, as a player would hear them."""
    now, begun = 0.0, []
    for message in file:
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            begun.append((message.channel, message.note, now))
    return sorted(begun)


def assert_same_notes(file: mido.MidiFile, notes: list[NoteEvent]) -> None:
    wanted = sorted((LAYERS.index(note.layer), note.pitch, note.time_s) for note in notes)
    found = sounding(file)
    assert [note[:2] for note in found] == [note[:2] for note in wanted]
    assert all(abs(a[2] - b[2]) <= 1e-3 for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("tempo", [30.0, 61.7, 140.0])
def test_note_times_agree_within_a_millisecond_after_ten_minutes(tempo: float, tmp_path: Path) -> None:
    notes, beats = perform([(MusicState(tempo_bpm=tempo, layers=8, density=0.6), 600)])
    write_midi(tmp_path / "score.mid", notes, beats, Metre.COMMON)
    file = mido.MidiFile(tmp_path / "score.mid")
    assert_same_notes(file, notes)
    assert len([message for message in file.tracks[0] if message.type == "set_tempo"]) <= len(beats)


@settings(max_examples=20)
@given(
    changes=st.lists(
        st.tuples(
            st.builds(
                MusicState, tempo_bpm=st.floats(30, 140), layers=st.integers(1, 8), sounding=st.booleans()
            ),
            st.floats(0.1, 20),
        ),
        max_size=6,
    )
)
def test_silences_steps_and_late_beginnings_keep_their_times(
    changes: list[tuple[MusicState, float]],
) -> None:
    notes, beats = perform(changes)
    assert_same_notes(midi_file(notes, beats, Metre.COMMON), notes)


def test_a_late_beginning_and_a_silence_are_whole_bars() -> None:
    def beat(second: int, number: int) -> BeatEvent:
        return BeatEvent(frame=48_000 * second, beat=number, bar=number // 4, tempo_bpm=60)

    # sound from 10 s on; silence after beat 1; the next bar begins at 25 s with beat 4
    file = midi_file([], [beat(10, 0), beat(11, 1), beat(25, 4), beat(26, 5)], Metre.COMMON)
    tempo_track = [(m.time // TICKS_PER_BEAT, m.tempo) for m in file.tracks[0] if m.type == "set_tempo"]
    assert tempo_track[:3] == [(0, 1_250_000), (8, 1_000_000), (1, 14_000_000 // 15)]
    # what rounding left over 15 beats is made good in the next
    assert tempo_track[3] == (15, 1_000_005)


def test_each_layer_that_sounds_has_a_named_track_and_its_own_sound() -> None:
    notes, beats = perform([(MusicState(layers=3), 60)])
    file = midi_file(notes, beats, Metre.COMMON)
    assert (file.type, file.ticks_per_beat) == (1, TICKS_PER_BEAT)
    assert [track.name for track in file.tracks] == ["tempo", "pad", "melody", "bass"]
    signature = next(message for message in file.tracks[0] if message.type == "time_signature")
    assert (signature.numerator, signature.denominator) == (4, 4)
    programs = [
        message.program for track in file.tracks for message in track if message.type == "program_change"
    ]
    assert len(set(programs)) == 3


@pytest.mark.parametrize(
    ("metre", "signature", "tempo_us", "clicks"),
    [
        (Metre.COMMON, (4, 4), 1_000_000, 24),
        (Metre.WALTZ, (3, 4), 1_000_000, 24),
        (Metre.COMPOUND, (6, 8), 666_667, 36),
    ],
)
def test_signature_and_tempo_are_those_of_the_metre(
    metre: Metre, signature: tuple[int, int], tempo_us: int, clicks: int
) -> None:
    beats = [BeatEvent(frame=48_000 * n, beat=n, bar=n // metre.pulses, tempo_bpm=60) for n in range(9)]
    last = NoteEvent(
        frame=7 * 48_000, number=0, duration_s=0.5, beat=7.0, bar=2, pitch=60, velocity=50, layer="pad"
    )
    file = midi_file([last], beats, metre)
    said = next(message for message in file.tracks[0] if message.type == "time_signature")
    assert (said.numerator, said.denominator) == signature
    assert said.clocks_per_click == clicks
    assert next(message for message in file.tracks[0] if message.type == "set_tempo").tempo == tempo_us
    begin = next(message for message in file.tracks[1] if message.type == "note_on")
    assert begin.time == 7 * metre.pulse * TICKS_PER_BEAT
    assert sounding(file)[0][2] == pytest.approx(7, abs=1e-3)


@pytest.mark.parametrize("metre", Metre)
def test_a_silence_is_whole_bars_in_every_metre(metre: Metre) -> None:
    times = [0, 1, 30, 31]
    numbers = [0, 1, metre.pulses, metre.pulses + 1]
    beats = [
        BeatEvent(frame=48_000 * second, beat=number, bar=number // metre.pulses, tempo_bpm=60)
        for second, number in zip(times, numbers, strict=True)
    ]
    first = NoteEvent(
        frame=48_000 * 30, number=0, duration_s=1, beat=0, bar=0, pitch=60, velocity=50, layer="pad"
    )
    file = midi_file([first], beats, metre)
    begin = next(message for message in file.tracks[1] if message.type == "note_on")
    bars = begin.time / (metre.bar * TICKS_PER_BEAT)
    assert bars == round(bars) > 1
    assert sounding(file)[0][2] == pytest.approx(30, abs=1e-3)


def test_a_pitch_struck_again_ends_before_it_begins_anew() -> None:
    def note(frame: int) -> NoteEvent:
        return NoteEvent(
            frame=frame, number=0, duration_s=2, beat=0, bar=0, pitch=60, velocity=50, layer="pad"
        )

    file = midi_file([note(0), note(48_000)], [], Metre.COMMON)
    strikes = [message.velocity > 0 for message in file.tracks[1] if message.type == "note_on"]
    assert strikes == [True, False, True, False]
    assert file.length == pytest.approx(3)


def test_an_empty_performance_is_a_valid_file(tmp_path: Path) -> None:
    write_midi(tmp_path / "empty.mid", [], [], Metre.COMMON)
    assert len(mido.MidiFile(tmp_path / "empty.mid").tracks) == 1


def test_every_beat_that_sounded_is_a_quarter_note_at_its_time() -> None:
    _, beats = perform([(MusicState(tempo_bpm=50), 20), (MusicState(tempo_bpm=100), 20)])
    file = midi_file([], beats, Metre.COMMON)
    starts = {0: 0.0}
    tick, now, tempo = 0, 0.0, 500_000
    for message in file.tracks[0]:
        now += mido.tick2second(message.time, TICKS_PER_BEAT, tempo)
        tick += message.time
        if message.type == "set_tempo":
            tempo, starts[tick] = message.tempo, now
    assert all(a < b for a, b in pairwise(starts.values()))
    times = {beat.beat * TICKS_PER_BEAT: beat.time_s for beat in beats}
    assert all(times[at] == pytest.approx(time, abs=1e-5) for at, time in starts.items())

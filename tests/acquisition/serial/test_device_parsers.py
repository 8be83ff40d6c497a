"""Parsers of the profiles with arbitrary bytes: no exception, bounded memory, no intact sample lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.serial.parsers import MAX_LINE_BYTES
from acquisition.serial.profiles import bitalino, known_profiles, shimmer
from acquisition.serial.profiles.profile import DeviceSettings
from acquisition.streams import StreamReasonCode

PROFILES = known_profiles()
LINES = [name for name in PROFILES if name not in {"bitalino", "shimmer3-gsr"}]
FRAMES = ["bitalino", "shimmer3-gsr"]


def setting(name):
    profile = PROFILES[name]
    return DeviceSettings(
        rate_hz=profile.rate_hz or 250.0,
        channels=tuple(channel.label for channel in profile.channels[:2]),
        options={option.name: option.default for option in profile.options},
    )


def sent(name, counts, first=0):
    """What the emulated device sends for these samples, one piece each."""
    chosen = setting(name)
    device = PROFILES[name].device(chosen)
    for exchange in PROFILES[name].start(chosen):
        device.receive(exchange.send)
    return [
        device.send(first + place, {label: float(count) for label in chosen.channels})
        for place, count in enumerate(counts)
    ]


def parser_of(name):
    return PROFILES[name].parser(setting(name))


def numbers(low, high, least, most):
    """Lists of numbers made of one piece of bytes: to draw each by itself takes longer than to test it."""
    pairs = st.binary(min_size=2 * least, max_size=2 * most)
    return pairs.map(
        lambda drawn: [
            low + int.from_bytes(drawn[at : at + 2], "big") % (high - low + 1)
            for at in range(0, len(drawn) - 1, 2)
        ]
    )


counts = numbers(0, 999, 2, 12)


@st.composite
def mutated(draw, name):
    """A device's bytes, with pieces of garbage in, and pieces of it gone, doubled or changed."""
    pieces = sent(name, draw(counts))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(pieces) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                pieces.insert(at, draw(st.binary(max_size=40)))
            case 1:
                pieces[at] = pieces[at][: draw(st.integers(0, len(pieces[at])))]
            case 2:
                pieces.insert(at, pieces[at])
            case 3:
                bits = int.from_bytes(pieces[at], "big") ^ draw(
                    st.integers(0, (1 << 8 * len(pieces[at])) - 1)
                )
                pieces[at] = bits.to_bytes(len(pieces[at]), "big")
            case 4:
                pieces.insert(at, bytes([draw(st.integers(0, 255))]) * draw(st.integers(1, 1500)))
    return b"".join(pieces)


@settings(max_examples=60)
@given(data=st.data(), sizes=numbers(1, 60, 1, 12))
@pytest.mark.parametrize("name", PROFILES)
def test_samples_do_not_depend_on_how_bytes_are_cut(name, data, sizes):
    received = data.draw(mutated(name))
    whole, cut = parser_of(name), parser_of(name)
    expected = whole.feed(received)
    rows, at, turn = [cut.feed(b"")], 0, 0
    while at < len(received):
        size = sizes[turn % len(sizes)]
        rows.append(cut.feed(received[at : at + size]))
        at, turn = at + size, turn + 1
        assert len(cut._rest) <= MAX_LINE_BYTES + 1
    np.testing.assert_array_equal(np.concatenate(rows), expected)
    assert (cut.frames, cut.rejected, cut.defects) == (whole.frames, whole.rejected, whole.defects)
    assert expected.shape[1] == len(setting(name).channels)


@settings(max_examples=60)
@given(garbage=st.binary(max_size=200), run=counts)
@pytest.mark.parametrize("name", LINES)
def test_every_intact_line_after_garbage_is_found(name, garbage, run):
    rows = parser_of(name).feed(garbage + b"\n" + b"".join(sent(name, run)))
    np.testing.assert_array_equal(rows[-len(run) :, 0], run)


@settings(max_examples=60)
@given(before=counts, garbage=st.binary(max_size=60), run=counts, gap=st.integers(0, 30))
@pytest.mark.parametrize("name", FRAMES)
def test_every_intact_frame_after_garbage_is_found(name, before, garbage, run, gap):
    intact = b"".join(sent(name, run, first=len(before) + gap))
    data = b"".join(sent(name, before)) + garbage + intact
    rows = parser_of(name).feed(data)
    found = rows[-len(run) :, 0]
    # Garbage that by chance passes every check that there is cannot be told from frames.
    assert np.array_equal(found, run) or passes_by_chance(name, data, len(data) - len(intact), before)


def passes_by_chance(name, data, intact_from, before):
    parser = parser_of(name)
    length, decode, order = parser._length, parser._decode, parser._order
    begun = len(before) * length
    last = len(before) - 1 if name == "bitalino" else (len(before) - 1) * 256
    for at in range(begun, intact_from):
        frame, behind = decode(data[at : at + length]), data[at + length : at + 2 * length]
        if frame is None:
            continue
        if any(order.follows(last, frame.count, skipped) for skipped in range(at - begun + 1)):
            return True
        if len(behind) == length and (next_ := decode(behind)) and order.follows(frame.count, next_.count, 0):
            return True
    return False


@pytest.mark.parametrize("name", FRAMES)
@settings(max_examples=60)
@given(lost=st.integers(1, 7))
def test_frames_that_were_lost_keep_their_place(name, lost):
    run = list(range(100, 120))
    pieces = sent(name, run)
    del pieces[5 : 5 + lost]
    parser = parser_of(name)
    rows = parser.feed(b"".join(pieces))[:, 0]
    assert rows.size == len(run)
    assert np.isnan(rows[5 : 5 + lost]).all()
    np.testing.assert_array_equal(rows[5 + lost :], run[5 + lost :])
    assert parser.defects == {StreamReasonCode.FRAMES_LOST: lost}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("damaged", [1, 3, 14])
def test_damaged_frames_keep_their_place(name, damaged):
    run = list(range(100, 130))
    pieces = sent(name, run)
    pieces[5 : 5 + damaged] = [b"\xaa" * len(piece) for piece in pieces[5 : 5 + damaged]]
    parser = parser_of(name)
    rows = parser.feed(b"".join(pieces))[:, 0]
    assert rows.size == len(run)
    assert np.isnan(rows[5 : 5 + damaged]).all()
    np.testing.assert_array_equal(rows[5 + damaged :], run[5 + damaged :])
    assert parser.defects == {
        StreamReasonCode.FRAMES_LOST: damaged,
        StreamReasonCode.STRAY_BYTES: damaged * len(pieces[0]),
    }


@pytest.mark.parametrize("missing", [1, 2, 3])
@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_cut_short_takes_no_other_with_it(name, missing):
    # The beginning of a Shimmer's frame is 0, which may pass for the end of the one before.
    run = [0] * 5 + [7] * 10
    pieces = sent(name, run)
    pieces[4] = pieces[4][:-missing]
    rows = parser_of(name).feed(b"".join(pieces))[:, 0]
    np.testing.assert_array_equal(rows[5:] if rows.size == 15 else rows[4:], [7] * 10)


@pytest.mark.parametrize("name", FRAMES)
def test_a_device_that_begins_anew_is_followed(name):
    parser = parser_of(name)
    rows = parser.feed(b"".join(sent(name, range(40), first=5000) + sent(name, range(40))))
    np.testing.assert_array_equal(rows[:, 0][~np.isnan(rows[:, 0])], [*range(40), *range(40)])


def test_a_cable_plugged_in_again_has_no_relation_to_before():
    parser = parser_of("bitalino")
    pieces = sent("bitalino", range(40))
    parser.feed(b"".join(pieces[:10]) + pieces[10][:2])
    parser.reset()
    np.testing.assert_array_equal(parser.feed(b"".join(pieces[15:]))[:, 0], range(15, 40))
    assert not parser.defects


def test_shimmer_clocks_wrap():
    ticks = [shimmer.TICKS - 512 + 256 * number for number in range(6)]
    parser = parser_of("shimmer3-gsr")
    rows = parser.feed(b"".join(shimmer.encode(tick, place, 2000) for place, tick in enumerate(ticks)))
    np.testing.assert_array_equal(rows[:, 0], range(6))
    assert not parser.defects


def test_the_first_frame_needs_a_second_to_be_believed():
    frame, other = bitalino.encode(3, 0, [7, 8]), bitalino.encode(4, 0, [9, 10])
    parser = parser_of("bitalino")
    assert parser.feed(frame).size == 0
    np.testing.assert_array_equal(parser.feed(other), [[7, 8], [9, 10]])


@pytest.mark.parametrize("name", FRAMES)
def test_noise_for_ever_takes_no_memory(name):
    noise = np.random.default_rng(1).integers(0, 256, 30_000, dtype=np.uint8).tobytes()
    parser = parser_of(name)
    for at in range(0, len(noise), 100):
        parser.feed(noise[at : at + 100])
        assert len(parser._rest) < 3 * parser._length
    assert parser.rejected > 0.9 * len(noise) / parser._length

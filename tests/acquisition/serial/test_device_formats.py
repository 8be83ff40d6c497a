"""Data formats of the profiles: known frames, transfer functions, and the round trip through emulators."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acquisition.serial.profiles import bitalino, known_profiles, shimmer
from acquisition.serial.profiles.profile import DeviceSettings
from acquisition.streams import Kind, StreamReasonCode

PROFILES = known_profiles()


def setting(name, *channels, rate_hz=None):
    profile = PROFILES[name]
    options = {option.name: option.default for option in profile.options}
    return DeviceSettings(rate_hz=rate_hz or profile.rate_hz or 250.0, channels=channels, options=options)


def parsed(name, data, *channels):
    parser = PROFILES[name].parser(setting(name, *channels))
    return parser.feed(data), parser


def test_every_device_has_its_profile():
    assert list(PROFILES) == [
        "ad8232",
        "bitalino",
        "grove-gsr",
        "lines",
        "physiokit",
        "pulsesensor",
        "pulsesensor-coach",
        "pulsesensor-started",
        "pulsesensor-visualiser",
        "shimmer3-gsr",
    ]


BITALINO_FRAMES = [
    ("00 98 5f", 5, 0b1001, [512]),
    ("01 fc 3f 99", 9, 0b0011, [1023, 1]),
    ("80 3e 80 84 47 50 f4", 15, 0b0101, [17, 900, 512, 1000]),
    ("7f bb 07 af 2c 01 c8 0e", 0, 0b1100, [512, 300, 700, 123, 45, 63]),
]


@pytest.mark.parametrize(("frame", "sequence", "digital", "counts"), BITALINO_FRAMES)
def test_a_bitalino_frame_holds_sequence_digital_lines_and_inputs(frame, sequence, digital, counts):
    data = bytes.fromhex(frame)
    assert len(data) == bitalino.frame_bytes(len(counts))
    assert bitalino.decode(data, len(counts)) == (sequence, digital, counts)
    assert bitalino.encode(sequence, digital, counts) == data


@pytest.mark.parametrize(("frame", "sequence", "digital", "counts"), BITALINO_FRAMES)
def test_a_bitalino_frame_with_any_bit_wrong_is_refused(frame, sequence, digital, counts):
    data = bytearray.fromhex(frame)
    # Unused bits are covered by the checksum too.
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        assert bitalino.decode(bytes(data), len(counts)) is None
        data[bit // 8] ^= 1 << bit % 8


def test_bitalino_frames_have_the_published_lengths():
    assert [bitalino.frame_bytes(inputs) for inputs in range(1, 7)] == [3, 4, 6, 7, 8, 8]


def test_bitalino_commands():
    sent = [exchange.send for exchange in bitalino.start(setting("bitalino", "A3", "A1", rate_hz=100.0))]
    assert sent == [b"\x00", b"\x07", b"\x83", b"\x15"]
    assert all(exchange.pause_s >= 0.1 for exchange in bitalino.start(setting("bitalino", "A1"))[:-1])


def test_bitalino_inputs_come_in_the_order_asked_for_and_in_counts_of_ten_bits():
    data = bitalino.encode(3, 0, [512, 300, 700, 123, 45, 63]) + bitalino.encode(4, 0, [1, 2, 3, 4, 5, 6])
    rows, parser = parsed("bitalino", data, "A6", "A1", "A2", "A3", "A4", "A5")
    np.testing.assert_array_equal(
        rows, [[63 << 4, 512, 300, 700, 123, 45 << 4], [6 << 4, 1, 2, 3, 4, 5 << 4]]
    )
    assert (parser.frames, parser.rejected) == (2, 0)


def test_bitalino_units():
    transfer = PROFILES["bitalino"].transfer
    ecg = transfer("A2", Kind.ECG, {"board": "revolution"})
    assert ecg.unit == "mV"
    np.testing.assert_allclose(ecg.from_raw(np.array([0.0, 512.0, 1024.0])), [-1.5, 0.0, 1.5])
    eda = transfer("A3", Kind.EDA, {"board": "revolution"})
    assert eda.unit == "uS"
    np.testing.assert_allclose(eda.from_raw(np.array([0.0, 512.0, 1024.0])), [0.0, 12.5, 25.0])
    first = transfer("A3", Kind.EDA, {"board": "2014"})
    np.testing.assert_allclose(first.from_raw(np.array([0.0, 512.0, 768.0])), [1.0, 2.0, 4.0])
    assert transfer("A1", Kind.RSP, {"board": "2014"}).unit == "a.u."


def test_a_shimmer_frame_holds_ticks_pulse_and_conductance():
    data = bytes.fromhex("00 45 23 01 00 08 00 48")
    ticks, ppg, gsr = shimmer.decode(data)
    assert ticks == 0x012345
    assert shimmer.encode(ticks, ppg, gsr) == data
    transfer = PROFILES["shimmer3-gsr"].transfer
    mv, us = transfer("ppg", Kind.PPG, {}), transfer("gsr", Kind.EDA, {})
    assert (mv.unit, us.unit) == ("mV", "uS")
    assert mv.from_raw(np.array([float(ppg)]))[0] == pytest.approx(1500.4, abs=0.05)
    conductance = us.from_raw(np.array([float(gsr)]))[0]
    assert conductance == pytest.approx(6.971, abs=0.0005)
    assert 1000.0 / conductance == pytest.approx(143.45, abs=0.005)


def test_shimmer_commands():
    exchanges = shimmer.start(setting("shimmer3-gsr", "gsr"))
    assert [exchange.send.hex(" ") for exchange in exchanges] == [
        "20",
        "08 04 01 00",
        "5e 01",
        "05 00 01",
        "07",
    ]
    assert [exchange.answer for exchange in exchanges[1:]] == 4 * [b"\xff"]


def test_an_electrode_that_is_off_has_no_conductance():
    for name in ("shimmer3-gsr", "grove-gsr"):
        options = {"resistor": 10000.0, "calibration": 512.0}
        transfer = PROFILES[name].transfer("gsr", Kind.EDA, options)
        assert np.isnan(
            transfer.from_raw(np.array([682.0 if name == "shimmer3-gsr" else 512.0, np.nan]))
        ).all()


def test_grove_resistance():
    transfer = PROFILES["grove-gsr"].transfer("gsr", Kind.EDA, {"resistor": 10000.0, "calibration": 512.0})
    assert 1000.0 / transfer.from_raw(np.array([300.0]))[0] == pytest.approx(76.6, abs=0.01)
    other = PROFILES["grove-gsr"].transfer("gsr", Kind.EDA, {"resistor": 20000.0, "calibration": 600.0})
    assert 1000.0 / other.from_raw(np.array([300.0]))[0] == pytest.approx(1624 * 20 / 300)


@pytest.mark.parametrize(
    ("name", "channel", "kind", "values"),
    [
        ("bitalino", "A2", Kind.ECG, [-1.2, 0.0, 1.4]),
        ("bitalino", "A3", Kind.EDA, [0.5, 5.0, 20.0]),
        ("shimmer3-gsr", "gsr", Kind.EDA, [0.05, 0.4, 2.0, 9.0, 60.0]),
        ("shimmer3-gsr", "ppg", Kind.PPG, [100.0, 2900.0]),
        ("grove-gsr", "gsr", Kind.EDA, [0.5, 5.0, 20.0]),
    ],
)
def test_counts_give_back_the_value_within_their_resolution(name, channel, kind, values):
    profile = PROFILES[name]
    options = {option.name: option.default for option in profile.options}
    transfer = profile.transfer(channel, kind, options)
    counts = np.round(transfer.to_raw(np.array(values)))
    assert np.all((counts >= 0) & (counts <= profile.channel(channel).top))
    np.testing.assert_allclose(transfer.from_raw(counts), values, rtol=0.02, atol=0.05)


nan = math.nan
LINES = [
    ("physiokit", b"511,3\r\n4095,0\r\n", ("A0", "A1"), [[511, 3], [4095, 0]]),
    ("physiokit", b"1,2,3,4\r\n5,6,7,8\r\n", ("A3", "A0"), [[4, 1], [8, 5]]),
    ("pulsesensor", b"72,833,512\r\n0,600,9\r\n", ("signal", "bpm"), [[512, 72], [9, 0]]),
    ("pulsesensor-visualiser", b"S512\r\nB72\r\nQ833\r\nS5\r\nS6\r\n", ("signal",), [[512], [5], [6]]),
    ("pulsesensor-started", b"Signal 512\r\nSignal 0\r\n", ("signal",), [[512], [0]]),
    (
        "pulsesensor-coach",
        b'512\r\nS:511\r\nS=510\r\n1234,509\r\n{"signal": 508}\r\n{"t":1.5, "value":507, "x":"y"}\r\n',
        ("signal",),
        [[512], [511], [510], [509], [508], [507]],
    ),
    ("ad8232", b"338\r\n!\r\n340\r\n", ("ecg",), [[338], [nan], [340]]),
    ("grove-gsr", b"300\r\n511\r\n", ("gsr",), [[300], [511]]),
    ("lines", b"1,2.5\r\n,3\r\n", ("1", "0"), [[2.5, 1], [3, nan]]),
]


@pytest.mark.parametrize(("name", "data", "channels", "rows"), LINES)
def test_lines_hold_their_samples(name, data, channels, rows):
    found, parser = parsed(name, b"2\r\n" + data, *channels)
    np.testing.assert_array_equal(found, rows)
    assert parser.rejected == 0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("physiokit", b"1,2,3,4,5"),
        ("physiokit", b"1.5"),
        ("physiokit", b"12345"),
        ("pulsesensor", b"512"),
        ("pulsesensor", b"512,72,833,1"),
        ("pulsesensor-visualiser", b"512"),
        ("pulsesensor-started", b"512"),
        ("pulsesensor-coach", b"72,833,512"),
        ("pulsesensor-coach", b'{"signal": }'),
        ("ad8232", b"!!"),
        ("ad8232", b"-3"),
        ("grove-gsr", b"GSR: 300"),
    ],
)
def test_a_line_of_another_format_is_not_guessed_at(name, line):
    found, parser = parsed(name, b"\n" + line + b"\n", PROFILES[name].channels[0].label)
    assert np.isnan(found).all()
    assert parser.rejected == 1
    assert parser.last_rejected == line


def test_an_electrode_off_is_told_in_words():
    _, parser = parsed("ad8232", b"\n!\n!\n1\n", "ecg")
    assert parser.defects == {StreamReasonCode.ELECTRODE_OFF: 2}
    assert parser.frames == 3


def test_a_beat_is_told_with_the_next_sample():
    rows, _ = parsed("pulsesensor-visualiser", b"\nB72\nQ833\nS5\nS6\n", "signal", "bpm", "ibi")
    np.testing.assert_array_equal(rows, [[5, 72, 833], [6, nan, nan]])


@settings(max_examples=60)
@given(count=st.integers(2, 30), seed=st.integers(0, 2**32))
@pytest.mark.parametrize("name", PROFILES)
def test_what_an_emulated_device_sends_comes_back(name, count, seed):
    profile = PROFILES[name]
    channels = profile.channels[:4]
    tops = [channel.top or 9999 for channel in channels]
    if name == "shimmer3-gsr":
        tops = [4095, 4095]
    chosen = setting(name, *(channel.label for channel in channels))
    device, parser = profile.device(chosen), profile.parser(chosen)
    for exchange in profile.start(chosen):
        device.receive(exchange.send)
    assert device.streaming
    assert device.rate_hz == chosen.rate_hz
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, tops, (count, len(tops)), endpoint=True)
    rows = np.where(rng.random(rows.shape) < 0.2, rng.integers(0, 2, rows.shape) * tops, rows).tolist()
    labels = chosen.channels
    sent = b"".join(
        device.send(number, dict(zip(labels, map(float, row), strict=True)))
        for number, row in enumerate(rows)
    )
    before = b"" if profile.start(chosen) else b"\n"
    np.testing.assert_array_equal(parser.feed(before + sent), rows)
    assert parser.rejected == 0
    assert not parser.defects

"""PulseSensor, a profile for each output of its Playground sketches.

The signal is a count of the board's converter, without a unit. Where a beat is told, `bpm` and `ibi` (ms) are
the sketch's own findings; RR intervals are better had from the signal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from acquisition.lines import Line, LineParser, matching
from acquisition.profiles.profile import Channel, Device, Parser, Profile, Setting, Talker
from acquisition.streams import Kind

_SIGNAL = Channel(label="signal", kinds=(Kind.PPG,), top=4095)
_BPM = Channel(label="bpm", kinds=(Kind.HR,), top=999)

PLOTTER = (Line(pattern=rb"(?P<bpm>\d{1,3}),(?P<ibi>\d{1,5}),(?P<signal>\d{1,4})"),)
VISUALISER = (
    Line(pattern=rb"S(?P<signal>\d{1,4})"),
    Line(pattern=rb"B(?P<bpm>\d{1,3})", sample=False),
    Line(pattern=rb"Q(?P<ibi>\d{1,5})", sample=False),
)
STARTED = (Line(pattern=rb"Signal (?P<signal>\d{1,4})"),)
COACH = (
    Line(pattern=rb"(?:S[:=])?(?P<signal>\d{1,4})"),
    Line(pattern=rb"\d+(?:\.\d+)?,(?P<signal>\d{1,4})"),
    Line(
        pattern=rb'\{(?:[^{}]*,)?\s*"(?:signal|value)"\s*:\s*(?P<signal>\d{1,4}(?:\.\d+)?)\s*(?:,[^{}]*)?\}'
    ),
)

Encode = Callable[[Mapping[str, float]], bytes]


def encode_plotter(raw: Mapping[str, float]) -> bytes:
    """Return ``BPM,IBI,Signal``; nothing without a signal."""
    if math.isnan(signal := raw.get("signal", math.nan)):
        return b""
    return f"{_whole(raw, 'bpm')},{_whole(raw, 'ibi')},{signal:.0f}\r\n".encode()


def encode_visualiser(raw: Mapping[str, float]) -> bytes:
    """Return ``S…``, and before it ``B…`` and ``Q…`` where there is a beat."""
    told = "".join(
        f"{letter}{raw[name]:.0f}\r\n"
        for letter, name in (("B", "bpm"), ("Q", "ibi"), ("S", "signal"))
        if not math.isnan(raw.get(name, math.nan))
    )
    return told.encode()


def encode_started(raw: Mapping[str, float]) -> bytes:
    """Return ``Signal …``; nothing without a signal."""
    return _alone("Signal ", raw)


def encode_coach(raw: Mapping[str, float]) -> bytes:
    """Return the bare signal; nothing without one."""
    return _alone("", raw)


def _alone(before: str, raw: Mapping[str, float]) -> bytes:
    signal = raw.get("signal", math.nan)
    return b"" if math.isnan(signal) else f"{before}{signal:.0f}\r\n".encode()


def _whole(raw: Mapping[str, float], name: str) -> str:
    value = raw.get(name, math.nan)
    return "0" if math.isnan(value) else f"{value:.0f}"


def _profile(
    name: str, title: str, lines: tuple[Line, ...], encode: Encode, channels: tuple[Channel, ...] = (_SIGNAL,)
) -> Profile:
    def parser(setting: Setting) -> Parser:
        return LineParser(len(setting.channels), matching(lines, setting.channels))

    def device(setting: Setting) -> Device:
        return Talker(setting.rate_hz, encode)

    return Profile(
        name=name,
        title=f"PulseSensor, {title}",
        baud=115200,
        rate_hz=50.0,
        channels=channels,
        parser=parser,
        device=device,
    )


PROFILES = (
    _profile("pulsesensor", "serial plotter (BPM,IBI,Signal)", PLOTTER, encode_plotter, (_SIGNAL, _BPM)),
    _profile(
        "pulsesensor-visualiser", "Processing visualiser (S512, B72, Q833)", VISUALISER, encode_visualiser
    ),
    _profile("pulsesensor-started", "getting started (Signal 512)", STARTED, encode_started),
    _profile("pulsesensor-coach", "signal coach (512, S:512, time,512, JSON)", COACH, encode_coach),
)

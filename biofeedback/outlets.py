"""The session on the lab network: Lab Streaming Layer outlets for what was found, asked and sounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pylsl

from acquisition.lsl.connection import keep_lsl_quiet
from biofeedback.recording import streams
from generator.score import BeatEvent
from generator.state import MusicState
from physiology.state import PhysiologyState


class Outlets:
    """Four outlets: ``features``, ``music``, ``score`` and ``markers``, described as in a recording.

    Samples are stamped with engine time, which is LSL's own clock, at which they were computed, asked
    for or sounded. LSL sends in plain text to whoever asks: use it on an isolated network only.

    Parameters
    ----------
    session : str
        Tells several sessions on one network apart; part of each outlet's name and source id.
    """

    def __init__(self, session: str) -> None:
        keep_lsl_quiet()
        self._features = _numeric(session, "features", "Physiology", streams.FEATURES, rate_hz=1.0)
        self._music = _numeric(session, "music", "Music", streams.MUSIC)
        self._score = _numeric(session, "score", "Music", streams.SCORE)
        self._markers = _markers(session)

    def features(self, state: PhysiologyState) -> None:
        """Send the 1-Hz state; NaN where a value is not valid."""
        self._features.push_sample(streams.feature_row(state), state.t)

    def music(self, t: float, state: MusicState, state_id: int) -> None:
        """Send a state asked of the music at `t`."""
        self._music.push_sample(streams.music_row(state, state_id), t)

    def sounded(self, beats: Iterable[BeatEvent], state_id: int, time_of: Callable[[int], float]) -> None:
        """Send beats with the engine times at which they sound, and the id of the state asked for."""
        for beat in beats:
            self._score.push_sample(streams.score_row(beat, state_id), time_of(beat.frame))

    def marker(self, t: float, marker: Mapping[str, Any]) -> None:
        """Send something that happened at `t`, as JSON."""
        self._markers.push_sample([streams.json_text(marker)], t)


def _numeric(
    session: str, name: str, kind: str, columns: Mapping[str, str], *, rate_hz: float = pylsl.IRREGULAR_RATE
) -> pylsl.StreamOutlet:
    info = pylsl.StreamInfo(
        f"biofeedback-{name}", kind, len(columns), rate_hz, pylsl.cf_double64, f"biofeedback:{session}:{name}"
    )
    channels = info.desc().append_child("channels")
    for label, unit in columns.items():
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", unit)
        channel.append_child_value("type", kind)
    return pylsl.StreamOutlet(info)


def _markers(session: str) -> pylsl.StreamOutlet:
    info = pylsl.StreamInfo(
        "biofeedback-markers",
        "Markers",
        1,
        pylsl.IRREGULAR_RATE,
        pylsl.cf_string,
        f"biofeedback:{session}:markers",
    )
    channel = info.desc().append_child("channels").append_child("channel")
    channel.append_child_value("label", "json")
    channel.append_child_value("type", "Markers")
    return pylsl.StreamOutlet(info)

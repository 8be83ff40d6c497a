"""Lab Streaming Layer outlets that publish a session: features, music, score and markers."""

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

    Samples are stamped with the engine time (LSL's own clock) at which they were computed, requested or
    played. LSL sends unencrypted data to every computer on the network: use it on an isolated network only.

    Parameters
    ----------
    session : str
        Distinguishes sessions on one network; part of each outlet's name and source id.
    """

    def __init__(self, session: str) -> None:
        keep_lsl_quiet()
        self._features = _outlet(session, "features", "Physiology", streams.FEATURES, rate_hz=1.0)
        self._music = _outlet(session, "music", "Music", streams.MUSIC)
        self._score = _outlet(session, "score", "Music", streams.SCORE)
        self._markers = _outlet(session, "markers", "Markers", {"json": ""})

    def features(self, state: PhysiologyState) -> None:
        """Send the 1-Hz state; NaN where a value is not valid."""
        self._features.push_sample(streams.feature_row(state), state.t)

    def music(self, t: float, state: MusicState, state_id: int) -> None:
        """Send the state of the music requested at `t`."""
        self._music.push_sample(streams.music_row(state, state_id), t)

    def sounded(self, beats: Iterable[BeatEvent], state_id: int, time_of: Callable[[int], float]) -> None:
        """Send beats with the engine times at which they are played, and the id of the requested state."""
        for beat in beats:
            self._score.push_sample(streams.score_row(beat, state_id), time_of(beat.frame))

    def marker(self, t: float, marker: Mapping[str, Any]) -> None:
        """Send a marker of time `t` as JSON."""
        self._markers.push_sample([streams.json_text(marker)], t)


def _outlet(
    session: str, name: str, kind: str, columns: Mapping[str, str], *, rate_hz: float = pylsl.IRREGULAR_RATE
) -> pylsl.StreamOutlet:
    """Open an outlet of numbers with the units of its columns; of kind ``Markers`` an outlet of texts."""
    form = pylsl.cf_string if kind == "Markers" else pylsl.cf_double64
    source_id = f"biofeedback:{session}:{name}"
    info = pylsl.StreamInfo(f"biofeedback-{name}", kind, len(columns), rate_hz, form, source_id)
    channels = info.desc().append_child("channels")
    for label, unit in columns.items():
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        if kind != "Markers":
            channel.append_child_value("unit", unit)
        channel.append_child_value("type", kind)
    return pylsl.StreamOutlet(info)

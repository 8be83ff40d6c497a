"""Whatever is said, and however it ends: a session never ends with less recorded than it had."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biofeedback.command_inbox import CommandInbox
from biofeedback.commands import COMMAND
from biofeedback.errors import SessionFault
from biofeedback.recording.reader import read_recording
from biofeedback.session import SessionConfig, run_session
from protocols.loading import load, override

SAID = st.sampled_from(
    [
        {"name": "pause"},
        {"name": "hold"},
        {"name": "resume"},
        {"name": "skip"},
        {"name": "extend", "seconds": 30.0},
        {"name": "soften"},
        {"name": "override", "field": "tempo_bpm", "value": 50.0},
        {"name": "release"},
        {"name": "volume", "db": -9.0},
        {"name": "marker", "text": "Tür"},
        {"name": "cue", "cue": "nothing"},
        {"name": "rating", "scale": "pain-nrs", "value": None},
        {"name": "stop"},
        {"name": "emergency stop"},
    ]
)


@settings(max_examples=25)
@given(
    script=st.lists(st.tuples(st.integers(0, 23), SAID), max_size=12),
    fails_at=st.one_of(st.none(), st.integers(1, 23)),
)
def test_nothing_recorded_is_ever_taken_back(script, fails_at):
    sizes, taken = [], []
    inbox = CommandInbox(lambda key, accepted, text: taken.append(key))
    with tempfile.TemporaryDirectory() as folder:
        plan = SessionConfig(
            protocol=override(load("open-loop-relaxation"), "baseline.duration_s=10"),
            inputs=("listener=virtual:responder",),
            directory=Path(folder) / "s",
            seed=3,
            keep_sound=False,
        )

        def watch(snapshot):
            sizes.append((plan.directory / "session.xdf").stat().st_size)
            for number, (at, said) in enumerate(script):
                if at == snapshot.elapsed_s:
                    inbox.put(COMMAND.validate_python(said), origin="script", key=str(number))
            if snapshot.elapsed_s == fails_at:
                raise RuntimeError("a fault of the test")
            if snapshot.elapsed_s == 24:
                inbox.put(COMMAND.validate_python({"name": "emergency stop"}), origin="script", key="last")

        failed = ""
        try:
            run_session(plan, watch=watch, inbox=inbox)
        except SessionFault as fault:
            failed = str(fault)
        assert failed == "" or (fails_at is not None and "what was recorded is kept" in failed)
        assert sizes == sorted(sizes)
        assert (plan.directory / "session.xdf").stat().st_size >= sizes[-1]
        recording = read_recording(plan.directory)
        assert [command["key"] for command in recording.streams["commands"].json()] == taken
        seconds = (len(sizes) - 1) / 20
        assert recording.streams["ecg"].times[-1] == pytest.approx(seconds, abs=0.1)
        assert recording.meta["end"]["duration_s"] == pytest.approx(seconds, abs=0.06)

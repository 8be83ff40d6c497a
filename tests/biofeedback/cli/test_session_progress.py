"""What the progress bar of a session says."""

from acquisition.streams import Condition, Status, StreamReason, StreamReasonCode
from biofeedback.cli.sessions import progress_text
from biofeedback.models import Snapshot
from generator.state import MusicState


def snapshot(**inputs):
    return Snapshot(
        t=10.0,
        elapsed_s=10.0,
        phase="lead",
        physiology=None,
        music=MusicState(),
        why="",
        finished=False,
        inputs={
            name: Status(stream_id=name, condition=condition, reason=reason, since_s=9.0)
            for name, (condition, reason) in inputs.items()
        },
    )


def test_inputs_that_are_well_are_not_mentioned():
    assert progress_text(snapshot(ecg=(Condition.STREAMING, None))) == "lead"


def test_each_trouble_is_named_with_its_reason():
    said = progress_text(
        snapshot(
            ecg=(Condition.LOST, StreamReason(StreamReasonCode.PORT_LOST, {"device": "COM3"})),
            eda=(Condition.STREAMING, None),
            rsp=(Condition.RECOVERING, None),
        )
    )
    assert said == "lead · ecg lost (COM3 was lost) · rsp recovering"

"""Entries of the streams of text: their JSON is a contract with recordings of every version."""

import pytest

from biofeedback.commands import AdverseEvent, Answer, Cue, IssuedCommand, Marker, Override
from biofeedback.events import (
    AssessmentMarker,
    CommandMarker,
    CommandRecord,
    EmergencyStopMarker,
    ExternalMarker,
    PhaseMarker,
    PlayerMarker,
    QuestionMarker,
    RatingRecord,
    VolumeMarker,
)
from biofeedback.models import QuestionKind
from generator.player_events import EndRequest, PlaybackBegin, PlayerEvent, StopRequest, VolumeRequest
from generator.state import MusicState
from physiology.resonance import Assessment


@pytest.mark.parametrize(
    ("marker", "entry"),
    [
        (
            PhaseMarker(name="rest", kind="baseline", event="begin"),
            {"type": "phase", "name": "rest", "kind": "baseline", "event": "begin"},
        ),
        (VolumeMarker(db=-6.0, volume_db=-9.0), {"type": "volume", "db": -6.0, "volume_db": -9.0}),
        (EmergencyStopMarker(), {"type": "emergency stop"}),
        (
            CommandMarker(command=Marker(text="a cough", at_s=4.5), origin="protocol"),
            {"type": "marker", "text": "a cough", "at_s": 4.5, "origin": "protocol"},
        ),
        (
            CommandMarker(command=AdverseEvent(text="Dizzy.", severity="mild"), origin="therapist"),
            {"type": "adverse event", "text": "Dizzy.", "severity": "mild", "origin": "therapist"},
        ),
        (
            CommandMarker(command=Cue(cue="over"), origin="therapist"),
            {"type": "cue given", "cue": "over", "origin": "therapist"},
        ),
        (
            ExternalMarker(stream="cues", text="go", at_s=1.5),
            {"type": "mark", "stream": "cues", "text": "go", "at_s": 1.5},
        ),
        (
            AssessmentMarker(assessment=Assessment(rate_per_min=None, reason="Nobody.", steps=())),
            {"type": "assessment", "rate_per_min": None, "reason": "Nobody.", "steps": ()},
        ),
        (
            QuestionMarker(kind=QuestionKind.PLATEAU, about="", text="Stay?", phase="lead"),
            {"type": "question", "kind": "plateau", "about": "", "text": "Stay?", "phase": "lead"},
        ),
        (
            RatingRecord(scale="pain-nrs", value=None, phase="rest", at="", asked_s=None),
            {"scale": "pain-nrs", "value": None, "phase": "rest", "at": "", "asked_s": None},
        ),
        (
            CommandRecord(
                issued=IssuedCommand(Override(field="density", value=0.5), "script", "k"),
                answer=Answer(accepted=False, text="No."),
            ),
            {
                "name": "override",
                "args": {"field": "density", "value": 0.5},
                "origin": "script",
                "key": "k",
                "accepted": False,
                "answer": "No.",
            },
        ),
    ],
)
def test_entries_have_the_form_that_readers_of_recordings_know(marker, entry):
    assert marker.json() == entry
    assert list(marker.json()) == list(entry)


@pytest.mark.parametrize(
    "what",
    [
        MusicState(tempo_bpm=66.0),
        PlaybackBegin(beat=8, bar=2, fade_in_s=10.0),
        EndRequest(20.0),
        StopRequest(0.5),
        VolumeRequest(-6.0),
    ],
)
def test_what_a_player_received_can_be_read_back(what):
    marker = PlayerMarker(event=PlayerEvent(4_800, what))
    assert marker.json()["type"] == "cue"
    assert PlayerMarker.from_json(marker.json()) == marker

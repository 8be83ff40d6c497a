"""What may follow ``--input``, and what a wrong one is told."""

from pathlib import Path

import pytest

from acquisition.errors import SpecError
from acquisition.spec import ListenerSpec, RecordingSpec, parse_spec
from acquisition.streams import Kind


@pytest.mark.parametrize(
    ("text", "kind", "path", "column", "rate_hz"),
    [
        ("ecg=rec.csv:ecg_mV@360", Kind.ECG, "rec.csv", "ecg_mV", 360.0),
        ("ecg=118e06.csv:0@360", Kind.ECG, "118e06.csv", "0", 360.0),
        ("ppg=a/b.CSV.GZ:ppg@31.25", Kind.PPG, "a/b.CSV.GZ", "ppg", 31.25),
        ("ecg=rec.csv:ecg_mV", Kind.ECG, "rec.csv", "ecg_mV", None),
        (r"ecg=C:\data\x.csv:col@100", Kind.ECG, r"C:\data\x.csv", "col", 100.0),
        (r"eda=C:\data\x.xdf:Shimmer", Kind.EDA, r"C:\data\x.xdf", "Shimmer", None),
        ("eda=session.xdf:Stream/label", Kind.EDA, "session.xdf", "Stream/label", None),
        ("eda=session.xdf:Device@home", Kind.EDA, "session.xdf", "Device@home", None),
        ("rsp=a=b.csv:belt: chest@25", Kind.RSP, "a=b.csv", "belt: chest", 25.0),
        ("rr=rr.csv:rr_ms", Kind.RR, "rr.csv", "rr_ms", None),
        ("hr=hr.csv:hr_bpm@1", Kind.HR, "hr.csv", "hr_bpm", 1.0),
    ],
)
def test_a_recording_is_file_column_and_rate(text, kind, path, column, rate_hz):
    assert parse_spec(text) == RecordingSpec(
        text=text, kind=kind, path=Path(path), column=column, rate_hz=rate_hz
    )


@pytest.mark.parametrize(
    ("text", "persona", "kappa"),
    [
        ("listener=virtual:responder", "responder", 1.0),
        ("listener=virtual:nonresponder?kappa=0", "nonresponder", 0.0),
        ("listener=virtual:responder?kappa=0.5", "responder", 0.5),
    ],
)
def test_a_listener_is_persona_and_kappa(text, persona, kappa):
    assert parse_spec(text) == ListenerSpec(text=text, persona=persona, kappa=kappa)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not of the form KIND=WHERE"),
        ("rec.csv:ecg@360", "not of the form KIND=WHERE"),
        ("ecg=", "not of the form KIND=WHERE"),
        ("=rec.csv:x@1", "not of the form KIND=WHERE"),
        ("pulse=rec.csv:x@1", "'pulse' is not a kind of input; there are ecg, ppg, eda"),
        ("markers=a.xdf:m", "'markers' is not a kind"),
        ("ecg=rec.csv", "a colon and the column"),
        ("ecg=rec.csv:", "a colon and the column"),
        ("ecg=rec.edf:ecg@100", "a .csv, .csv.gz or .xdf file"),
        ("ecg=rec.csv:ecg@", "'' is not a sampling rate"),
        ("ecg=rec.csv:ecg@fast", "'fast' is not a sampling rate"),
        ("ecg=rec.csv:ecg@0", "'0' is not a sampling rate"),
        ("ecg=rec.csv:ecg@-5", "'-5' is not a sampling rate"),
        ("ecg=rec.csv:ecg@inf", "'inf' is not a sampling rate"),
        ("ecg=rec.csv:@360", "the column is missing"),
        ("rr=rr.csv:rr_ms@4", "RR intervals have no sampling rate"),
        ("ecg=virtual:responder", "every signal at once"),
        ("listener=responder", "has a persona"),
        ("listener=virtual:", "has a persona"),
        ("listener=rec.csv:x@1", "has a persona"),
        ("listener=virtual:responder?kappa=-1", "kappa=-1 is not an option"),
        ("listener=virtual:responder?kappa=x", "kappa=x is not an option"),
        ("listener=virtual:responder?mood=1", "mood=1 is not an option"),
        ("listener=virtual:responder?", "kappa once"),
        ("listener=virtual:responder?kappa=0&kappa=1", "kappa once"),
        ("ecg=lsl:name=PolarECG", "live inputs are not available in this version"),
        ("eda=serial:/dev/ttyUSB0?profile=bitalino", "live inputs are not available in this version"),
    ],
)
def test_a_malformed_one_is_answered_by_a_right_one(text, says):
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    message = str(caught.value)
    assert says in message
    assert "\n" not in message
    shown = [word.rstrip(",.;") for word in message.split() if "=" in word and word != "KIND=WHERE"]
    assert isinstance(parse_spec(shown[-1]), RecordingSpec | ListenerSpec)

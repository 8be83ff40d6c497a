"""What may follow ``--input``, and what a wrong one is told."""

from pathlib import Path

import numpy as np
import pytest

from acquisition.errors import SpecError
from acquisition.files.series import Series
from acquisition.serial.profiles import known_profiles
from acquisition.serial.profiles.profile import LinearTransfer
from acquisition.serial.spec import SerialSpec
from acquisition.spec import ListenerSpec, LslSpec, RecordingSpec, parse_spec
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
        ("ppg=BVP.csv", Kind.PPG, "BVP.csv", None, None),
        ("ppg=ring.csv@32", Kind.PPG, "ring.csv", None, 32.0),
        ("rr=RR.txt", Kind.RR, "RR.txt", None, None),
        ("ecg=ecg.txt:A2", Kind.ECG, "ecg.txt", "A2", None),
        ("ecg=a/100.hea:MLII", Kind.ECG, "a/100.hea", "MLII", None),
        ("ecg=a/100:MLII", Kind.ECG, "a/100", "MLII", None),
        (r"ecg=C:\data\100:0", Kind.ECG, r"C:\data\100", "0", None),
        (r"ecg=C:\data\100", Kind.ECG, r"C:\data\100", None, None),
        ("ecg=../a.b/100", Kind.ECG, "../a.b/100", None, None),
        ("ecg=rec.csv:what?@50", Kind.ECG, "rec.csv", "what?", 50.0),
    ],
)
def test_a_recording_is_file_column_and_rate(text, kind, path, column, rate_hz):
    assert parse_spec(text) == RecordingSpec(
        text=text, kind=kind, path=Path(path), column=column, rate_hz=rate_hz
    )


@pytest.mark.parametrize(
    ("query", "bits", "conductance"),
    [
        ("profile=bitalino", None, 12.5),
        ("bits=12&profile=bitalino&board=2014", 12, 2.0),
        ("profile=grove-gsr&calibration=1024", 10, 25.0),
    ],
)
def test_counts_become_units_by_the_profile_of_their_device(query, bits, conductance):
    spec = parse_spec(f"eda=eda.csv:A3@100?{query}")
    assert (spec.column, spec.rate_hz, spec.unit) == ("A3", 100.0, None)
    half_range = np.array([2.0 ** ((bits or 10) - 1)])
    counts = Series(
        label="A3",
        unit="a.u.",
        rate_hz=100.0,
        times=np.zeros(1),
        values=half_range,
        origin_s=0.0,
        absolute=False,
    )
    series = spec.conversion.apply(counts, "there")
    assert series.unit == "uS"
    np.testing.assert_allclose(series.values, conductance)


def test_a_unit_that_the_file_does_not_say_may_be_added():
    assert parse_spec("eda=eda.csv:A3@100?unit=µS").unit == "uS"


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
    ("text", "query", "channel", "unit"),
    [
        ("ecg=lsl:name=PolarECG", (("name", "PolarECG"),), None, None),
        ("ecg=lsl:type=ECG&name=Polar H10", (("name", "Polar H10"), ("type", "ECG")), None, None),
        ("ecg=lsl:source_id=a%26b=c+d&channel=II", (("source_id", "a&b=c+d"),), "II", None),
        ("ecg=lsl:name=x&channel=0&unit=µV", (("name", "x"),), "0", "uV"),
    ],
)
def test_an_lsl_stream_is_asked_for_by_its_properties(text, query, channel, unit):
    assert parse_spec(text) == LslSpec(text=text, kind=Kind.ECG, query=query, channel=channel, unit=unit)


def test_lines_of_a_serial_device():
    text = (
        "eda=serial:COM3?profile=lines&column=2&rate=32.5&unit=uS&scale=0.001&offset=-4&baud=9600"
        "&separator=tab"
    )
    assert parse_spec(text) == SerialSpec(
        text=text,
        kind=Kind.EDA,
        port="COM3",
        profile=known_profiles()["lines"],
        baud=9600,
        rate_hz=32.5,
        rate_stated=True,
        channel="2",
        options={"separator": "\t"},
        transfer=LinearTransfer(unit="uS", scale=0.001, offset=-4.0),
    )


def test_lines_need_no_more_than_their_rate():
    spec = parse_spec("hr=serial:/dev/ttyUSB0?rate=1&profile=lines")
    assert (spec.port, spec.baud, spec.options, spec.channel) == (
        "/dev/ttyUSB0",
        115200,
        {"separator": ","},
        "0",
    )
    assert spec.transfer == LinearTransfer(unit="bpm")
    assert parse_spec("eda=serial:/dev/ttyUSB0?rate=1&profile=lines&separator=;").transfer == LinearTransfer()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not of the form KIND=WHERE"),
        ("rec.csv:ecg@360", "not of the form KIND=WHERE"),
        ("ecg=", "not of the form KIND=WHERE"),
        ("=rec.csv:x@1", "not of the form KIND=WHERE"),
        ("pulse=rec.csv:x@1", "'pulse' is not a kind of input; there are ecg, ppg, eda"),
        ("markers=a.xdf:m", "'markers' is not a kind"),
        ("ecg=rec.csv:", "a colon and the column"),
        (
            "ecg=rec.bdf:ecg@100",
            "a recording (.csv, .csv.gz, .txt, .txt.gz, .xdf, .edf, .hea, .dat, .mat or a WFDB record)",
        ),
        ("ecg=rec.csv:ecg@", "'' is not a sampling rate"),
        ("ecg=rec.csv:ecg@fast", "'fast' is not a sampling rate"),
        ("ecg=rec.csv:ecg@0", "'0' is not a sampling rate"),
        ("ecg=rec.csv:ecg@-5", "'-5' is not a sampling rate"),
        ("ecg=rec.csv:ecg@inf", "'inf' is not a sampling rate"),
        ("ecg=rec.csv:@360", "the column is missing"),
        ("ecg=rec:", "a colon and the column"),
        ("ecg=rec.csv:x?unit=furlong", "'furlong' is not a unit"),
        ("ecg=rec.csv:x?unit=mV&colour=red", "'colour' is not an option; there are unit"),
        ("ecg=rec.csv:x?profile=grove", "no profile 'grove' for ecg, there are bitalino"),
        ("rsp=rec.csv:x?profile=bitalino", "no profile 'bitalino' for rsp, there are none"),
        ("eda=rec.csv:x?profile=bitalino&bits=0", "bits=0 is wrong"),
        ("eda=rec.csv:x?profile=bitalino&board=mine", "board=mine is wrong, it is one of revolution, 2014"),
        ("eda=rec.csv:x?profile=grove-gsr&resistor=-1", "resistor=-1 is wrong, it is a number above 0"),
        ("eda=rec.csv:x?bits=10", "no profile None for eda, there are bitalino, grove-gsr"),
        ("eda=rec.csv:x?profile=bitalino&unit=uS", "'unit' is not an option; there are profile, bits, board"),
        ("rr=rr.csv:rr_ms@4", "RR intervals have no sampling rate"),
        ("ecg=virtual:responder", "every signal at once"),
        ("listener=responder", "has a persona"),
        ("listener=virtual:", "has a persona"),
        ("listener=rec.csv:x@1", "has a persona"),
        ("listener=virtual:responder?kappa=-1", "kappa=-1 is wrong, it is a number from 0 to 3"),
        ("listener=virtual:pain-event?pain_at=-1", "pain_at=-1 is wrong, it is a number from 0 to 14400"),
        ("listener=virtual:responder?kappa=x", "kappa=x is wrong"),
        ("listener=virtual:responder?mood=1", "'mood' is not an option; there are kappa, pain_at"),
        ("listener=virtual:responder?", "'' is not an option; there are kappa, pain_at"),
        ("listener=virtual:responder?kappa=0&kappa=1", "kappa must be given once"),
        ("ecg=lsl:", "'' is not an option; there are name, type, source_id, channel, unit"),
        ("ecg=lsl:PolarECG", "'PolarECG' is not an option"),
        ("ecg=lsl:channel=1", "an LSL stream is identified by name, type, source_id"),
        ("ecg=lsl:name=", "name must be given once, with a value"),
        ("ecg=lsl:name=a&name=b", "name must be given once"),
        ("ecg=lsl:name=a&unit=furlong", "'furlong' is not a unit"),
        ("eda=serial:/dev/ttyUSB0", "a serial input has a port and a profile"),
        ("eda=serial:?profile=lines&rate=1", "a serial input has a port and a profile"),
        (
            "eda=serial:/dev/ttyUSB0?profile=toaster",
            "there is no profile 'toaster', there are ad8232, bitalino, grove-gsr, lines",
        ),
        ("eda=serial:COM3?profile=lines", "rate is missing, it is the number of lines per second"),
        ("eda=serial:COM3?profile=lines&rate=0", "rate=0 is wrong"),
        ("eda=serial:COM3?profile=lines&rate=inf", "rate=inf is wrong"),
        ("eda=serial:COM3?profile=lines&rate=9&column=-1", "column=-1 is wrong, it is a number from 0"),
        ("eda=serial:COM3?profile=lines&rate=9&column=1.5", "column=1.5 is wrong"),
        ("eda=serial:COM3?profile=lines&rate=9&baud=0", "baud=0 is wrong"),
        ("eda=serial:COM3?profile=lines&rate=9&scale=0", "scale=0 is wrong, it is a factor other than 0"),
        ("eda=serial:COM3?profile=lines&rate=9&separator=.", "separator=. is wrong"),
        ("eda=serial:COM3?profile=lines&rate=9&column=1&column=2", "column must be given once"),
        ("rr=serial:COM3?profile=lines&rate=1", "lines and frames come at a fixed rate, RR intervals do not"),
    ],
)
def test_a_malformed_one_is_answered_by_a_right_one(text, says):
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    message = str(caught.value)
    assert says in message
    assert "\n" not in message
    shown = [word.rstrip(",.;") for word in message.split() if "=" in word and word != "KIND=WHERE"]
    assert parse_spec(shown[-1]).text == shown[-1]

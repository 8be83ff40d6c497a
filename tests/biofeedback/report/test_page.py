"""The page as a file: one piece, escaped, honest in its words, and there for cut recordings too."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from biofeedback.analysis.measures import analyse, clock, number, phase_table, span
from biofeedback.analysis.session_log import session_log
from biofeedback.analysis.summary import session_summary
from biofeedback.errors import RecordingError
from biofeedback.report.page import write_report
from biofeedback.report.panels import overview

HOSTILE = "Jürgen & <script>alert(1)</script></title> \"'{{ 7 * 7 }}"


class Page(HTMLParser):
    """Collects the elements, the visible text and the inline scripts of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.words, self.scripts = [], [], []
        self._in = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._in.append(tag)

    def handle_endtag(self, tag):
        if self._in and self._in[-1] == tag:
            self._in.pop()

    def handle_data(self, data):
        (self.scripts if self._in else self.words).append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def written(recording, path):
    write_report(recording, path / "report.html")
    return (path / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def html(session, tmp_path_factory):
    return written(session, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def data_of(page):
    return json.loads(next(text for text in page.scripts if text.startswith("{")))


def test_the_page_has_a_language_and_a_title(page):
    tags = dict(page.elements)
    assert tags["html"]["lang"] == "en"
    assert "Match, then lead" in page.text


def test_the_page_loads_nothing(page):
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "img", "object", "embed")
        assert "src" not in attributes
        assert attributes.get("href", "#").startswith("#")
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_the_head_says_when_how_long_and_how_it_ended(page):
    for words in ("4 March 2026, 14:05", "10 min 25 s", "completed", "closed properly", "ab" * 32, "cd" * 32):
        assert words in page.text
    assert "not for diagnosis, monitoring or treatment" in page.text


def test_the_summary_is_honest(session):
    told = " ".join(session_summary(session))
    assert re.search(
        r"Mean heart rate was 7\d\.\d bpm in “baseline” and 6\d\.\d bpm in “sustain”.*lower", told
    )
    assert "Mere rest lowers heart rate and activation too" in told
    assert "The lead was held once, for 45 s in total." in told
    assert "Heart rate was usable in 96 %" in told
    assert "relax" not in told.lower()
    assert "on purpose" not in told


def test_faults_given_on_purpose_come_first(session):
    meta = {**session.meta, "arguments": {"faults": ["ecg:gap@60+10", "eda:flat@90+5"]}}
    first = session_summary(replace(session, meta=meta))[0]
    assert first == "The inputs were given faults on purpose: ecg:gap@60+10, eda:flat@90+5."


@pytest.mark.parametrize(("cautions", "said"), [("not confirmed", True), ("confirmed", False)])
def test_cautions_that_nobody_confirmed_are_told(session, cautions, said):
    meta = {**session.meta, "arguments": {"cautions": cautions}}
    assert ("Nobody confirmed" in " ".join(session_summary(replace(session, meta=meta)))) is said


def test_every_number_of_the_table_is_a_button_to_its_moment(page, session):
    table = phase_table(session)
    moments = [float(a["data-t"]) for t, a in page.elements if t == "button" and "aria-label" in a]
    analysed = zip(*(stretch.measures for stretch in analyse(session)), strict=True)
    assert moments == [
        *(value.at_s for row in table for value in row.values.values()),
        *(measure.value.at_s for row in analysed for measure in row),
    ]


def test_withheld_values_are_a_dash_with_the_reason_in_the_tooltip_and_below(page):
    titles = [a.get("title", "") for t, a in page.elements if t == "button"]
    assert "Withheld: only 25 s of valid intervals; 60 s are needed" in titles
    assert "fade: RMSSD, variability SDNN – only 25 s of valid intervals; 60 s are needed." in page.text


def test_repeated_decisions_are_folded_and_holds_stand_out(session):
    log = session_log(session)
    (hold,) = (entry for entry in log if entry.kind == "hold")
    assert (hold.begin_s, hold.end_s, len(hold.occurrences)) == (330.0, 370.0, 9)
    assert [entry.kind for entry in log].count("decision") == 5
    assert [entry.occurrences[0] for entry in log if entry.kind == "command"] == [
        (250.2, "note: client opens her eyes")
    ]
    assert [entry.kind for entry in log if "ECG lost" in entry.occurrences[0][1]] == ["fault"]


def test_a_weak_signal_stands_out_from_other_decisions(make):
    terms = [{"signal": "good"}, {"signal": "frozen"}, {"signal": "good", "needs_resume": True}]
    decisions = [(5.0 * i, {"phase": "lead", "terms": t, "why": "x"}) for i, t in enumerate(terms)]
    log = session_log(make.recording(make.json("decisions", decisions)))
    assert [entry.kind for entry in log] == ["decision", "signal"]


def test_texts_of_others_are_shown_as_text(session, tmp_path):
    protocol = {"id": "x", "title": HOSTILE}
    markers = [(0.0, {"type": "phase", "name": HOSTILE, "kind": "match", "event": "begin"})]
    decision = (10.0, {"phase": HOSTILE, "why": HOSTILE, "terms": {}})
    streams = dict(session.streams)
    for name, entries in (("markers", markers), ("decisions", [decision])):
        texts = tuple(json.dumps(entry) for _, entry in entries)
        times = np.array([t for t, _ in entries]) + session.t0_s
        streams[name] = replace(streams[name], times=times, samples=np.empty((1, 0)), texts=texts)
    end = {"reason": HOSTILE, "duration_s": 1.0, "faults": [HOSTILE], "checksums": {}}
    hostile = replace(session, meta={**session.meta, "protocol": protocol, "end": end}, streams=streams)
    html = written(hostile, tmp_path)
    page = Page(html)
    assert "<script>alert" not in html
    assert page.text.count(" ".join(HOSTILE.split())) >= 5
    assert "49" not in page.text.split("{{")[0]
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert data_of(page)["phases"][0]["name"] == HOSTILE


@pytest.mark.parametrize("at_s", [0.0, 0.7, 60.0, 121.0, 305.0, 333.0])
def test_a_cut_recording_gives_a_report_that_says_so(session, make, tmp_path, at_s):
    page = Page(written(make.cut(session, at_s), tmp_path))
    assert "not closed" in page.text
    assert "This recording was not closed." in page.text
    assert data_of(page)["end_s"] == pytest.approx(at_s, abs=1.0)


def test_a_recording_without_any_stream_gives_a_report(make, tmp_path):
    page = Page(written(make.recording(complete=False), tmp_path))
    for words in ("Untitled session", "No phase was recorded", "No decision was recorded", "No beats"):
        assert words in page.text


def test_a_heart_strap_alone_gives_a_report_without_skin_conductance(session, tmp_path):
    streams = {name: stream for name, stream in session.streams.items() if name not in ("eda", "rsp")}
    features = streams["features"]
    samples = features.samples.copy()
    samples[:, features.labels.index("scl_uS")] = np.nan
    streams["features"] = replace(features, samples=samples)
    html = written(replace(session, streams=streams), tmp_path)
    titles = json.dumps(data_of(Page(html))["overview"]["layout"]["annotations"])
    assert "Heart rate and tempo" in titles
    assert "Skin conductance" not in titles


def test_pulse_waves_are_not_called_heart_rate_variability(session, tmp_path):
    streams = dict(session.streams)
    streams["ppg"] = replace(streams.pop("ecg"), name="ppg", kind="PPG")
    page = Page(written(replace(session, streams=streams), tmp_path))
    assert "pulse-rate variability" in page.text


def test_eight_hours_stay_small(session, make, tmp_path):
    seconds, rate = 8 * 3600, 250
    times = np.arange(seconds * rate) / rate
    rng = np.random.default_rng(1)
    wave = np.resize(np.append(rng.normal(0, 0.02, 199), 1.0), times.size)
    ecg = make.numeric(
        "ecg", "ECG", ["ECG"], times, [wave + np.resize(rng.normal(0, 0.02, 7919), times.size)]
    )
    t = np.arange(1.0, seconds)
    labels = session.streams["features"].labels
    features = make.numeric("features", "P", labels, t, [60 + np.sin(t / 30)] * len(labels))
    markers = make.json("markers", [(0.0, {"type": "phase", "name": "night", "event": "begin"})])
    write_report(make.recording(ecg, features, markers), tmp_path / "report.html")
    assert (tmp_path / "report.html").stat().st_size < 30e6


def test_a_page_that_cannot_be_written_is_named(session, tmp_path):
    with pytest.raises(RecordingError, match=r"no-such-folder.report.html cannot be written: No such file"):
        write_report(session, tmp_path / "no-such-folder" / "report.html")


def test_times_and_numbers_are_written_as_people_read_them():
    assert [clock(t) for t in (0, 59.6, 3599, 3600, 28_800)] == [
        "00:00", "01:00", "59:59", "1:00:00", "8:00:00",
    ]  # fmt: skip
    assert [span(t) for t in (0, 45, 60, 3661)] == ["0 s", "45 s", "1 min", "1 h 1 min 1 s"]
    assert [number(x, 1, signed=True) for x in (-1.26, 0.04, -0.04, 2.0)] == ["−1.3", "0.0", "0.0", "+2.0"]
    assert number(-3.0, 0) == "−3"


def test_a_page_that_cannot_hold_every_sample_keeps_the_peaks_and_says_so(session, tmp_path, monkeypatch):
    monkeypatch.setattr("biofeedback.report.page.MOST_RAW_SAMPLES", 20_000)
    page = Page(written(session, tmp_path))
    assert "more raw samples than a page can" in page.text
    assert sum(signal["count"] for signal in data_of(page)["raw"]) <= 20_000
    assert data_of(page)["raw"][0]["gaps"][0] == pytest.approx([299.992, 318.0], abs=0.01)


def test_commands_and_markers_tell_all_they_hold_but_what_is_empty(make):
    markers = [
        (0.0, {"type": "baseline", "verdict": "usable"}),
        (1.0, {"type": "rinsed", "fade_s": 0, "x": None}),
    ]
    commands = [(2.0, {"name": "resume", "args": {}}), (3.0, {"name": "note", "args": {"text": "Fuß"}})]
    log = session_log(make.recording(make.json("markers", markers), make.json("commands", commands)))
    assert [entry.occurrences[0][1] for entry in log] == [
        "baseline: usable", "rinsed: fade s 0", "resume", "note: Fuß",
    ]  # fmt: skip


def test_the_sections_of_the_music_are_a_row_under_the_tempo(session, make):
    assert "Form" not in [panel.title for panel in overview(session)]
    columns = ["section", "section_kind"]
    form = make.numeric("form", "Music", columns, [125.0, 300.0, 420.0], [[0, 1, 2], [0, 2, 3]])
    form = replace(form, desc={"section_kinds": "statement,contrast,thinning,return,close"})
    music = replace(session.streams["music"], desc={"form": "gentle"})
    panels = overview(replace(session, streams={**session.streams, "music": music, "form": form}))
    titles = [panel.title for panel in panels]
    assert titles.index("Form") == titles.index("Heart rate and tempo") + 1
    panel = panels[titles.index("Form")]
    (line,) = panel.lines
    names = [panel.ticks[value] for value in line.values[np.isfinite(line.values)][::2]]
    assert names == ["statement", "thinning", "return"]
    assert line.times[np.isfinite(line.values)][:4].tolist() == [125.0, 300.0, 300.0, 420.0]

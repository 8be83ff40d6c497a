"""The per-phase table against values worked out by hand, and phases from whole and cut recordings."""

import math
from dataclasses import replace

import numpy as np
import pytest

from biofeedback.analysis.heart_rhythm import beats
from biofeedback.analysis.measures import phase_table
from biofeedback.analysis.phases import RecordedPhase, music_sections, phases
from biofeedback.analysis.summary import session_summary

BEAT_COLUMNS = ["id", "r_time_s", "rr_ms", "quality", "corrected", "action"]


def phase_markers(*phases):
    entries = [(0.0, {"type": "session", "event": "begin"})]
    for name, begin, end in phases:
        entries.append((begin, {"type": "phase", "name": name, "kind": name, "event": "begin"}))
        if end is not None:
            entries.append((end, {"type": "phase", "name": name, "kind": name, "event": "end"}))
    return sorted(entries, key=lambda entry: entry[0])


def beat_stream(make, rr_ms, *, corrected=(), start=0.0):
    """Beats whose intervals are `rr_ms`, the first without one; known 0.3 s after their R maximum."""
    times = start + np.concatenate([[0.0], np.cumsum(rr_ms) / 1000])
    flags = np.zeros(times.size)
    flags[list(corrected)] = 1
    rr = np.concatenate([[math.nan], rr_ms])
    columns = [np.arange(times.size), times + make.t0, rr, 1.0, flags, 0]
    return make.numeric("beats", "Physiology", BEAT_COLUMNS, times + 0.3, columns)


def features(make, seconds, **columns):
    return make.numeric("features", "Physiology", list(columns), np.asarray(seconds, float), columns.values())


def one_phase(make, *streams, until=100.0):
    markers = make.json("markers", phase_markers(("all", 0.0, until)))
    (row,) = phase_table(make.recording(markers, *streams))
    return row


def varied(count, mean=900.0):
    """Intervals that swing a little, as those of a heart do: artefacts stand out from them."""
    return mean + 30 * np.sin(0.9 * np.arange(count)) + 5 * np.random.default_rng(3).standard_normal(count)


def test_heart_rate_and_variability_are_those_worked_out_by_hand(make):
    rr = [1000.0, 800.0] * 40
    row = one_phase(make, beat_stream(make, rr))
    assert row["hr"].number == pytest.approx(60_000 / 900)
    assert row["hr_sd"].number == pytest.approx(np.std([60.0, 75.0] * 40, ddof=1))
    assert row["rmssd"].number == pytest.approx(200.0)
    assert row["sdnn"].number == pytest.approx(100.0 * math.sqrt(80 / 79))
    assert row["hr_window"].number == pytest.approx(72.0)
    assert row["corrected"].number == 0.0


def test_an_artefact_is_corrected_by_the_whole_series_and_counted(make):
    clean = varied(100)
    rr = clean.copy()
    rr[30] = 450.0  # the interval of beat 31
    row = one_phase(make, beat_stream(make, rr))
    assert row["hr"].number == pytest.approx(60_000 / clean.mean(), abs=0.1)
    assert row["rmssd"].number == pytest.approx(np.sqrt(np.mean(np.diff(clean) ** 2)), rel=0.02)
    assert row["corrected"].number == pytest.approx(100 / 101)
    assert row["corrected"].at_s == pytest.approx(rr[:31].sum() / 1000)


def test_what_was_corrected_live_counts_too_though_its_interval_is_used(make):
    row = one_phase(make, beat_stream(make, varied(100), corrected=[31, 50]))
    assert row["corrected"].number == pytest.approx(200 / 101)
    assert row["hr_window"].number == pytest.approx(varied(100).sum() / 1000)


def test_an_interval_across_a_gap_gives_no_successive_difference(make):
    times = np.concatenate([np.arange(0, 40), np.arange(60, 90) + 0.5])
    rr = np.concatenate([[math.nan], np.full(39, 1000.0), [math.nan], np.full(29, 1200.0)])
    stream = make.numeric("beats", "P", BEAT_COLUMNS, times, [np.arange(70), times + make.t0, rr, 1, 0, 0])
    row = one_phase(make, stream)
    assert row["rmssd"].number == pytest.approx(0.0, abs=1e-6)


def test_the_intervals_beside_a_doubtful_beat_are_missing(make):
    times = np.concatenate([[0.0], np.cumsum(varied(110)) / 1000])
    quality = np.ones(111)
    quality[50] = 0.1
    columns = [np.arange(111), times + make.t0, np.concatenate([[math.nan], varied(110)]), quality, 0, 0]
    row = one_phase(make, make.numeric("beats", "P", BEAT_COLUMNS, times, columns))
    assert row["corrected"].number == 0.0
    assert row["hr_window"].number == pytest.approx((varied(110).sum() - varied(110)[[49, 50]].sum()) / 1000)


@pytest.mark.parametrize(
    ("every", "hr_shown", "rmssd_shown"), [(30, True, True), (14, True, False), (4, False, False)]
)
def test_numbers_are_withheld_when_too_many_beats_are_corrected(make, every, hr_shown, rmssd_shown):
    times = np.cumsum(varied(120, 800.0)) / 1000
    times[5::every] -= 0.3  # an ectopic beat corrupts its own interval and the next
    rr = 1000 * np.diff(times)
    unlike = np.flatnonzero(np.abs(rr - 800) > 200) + 1  # as the live rule has it
    row = one_phase(make, beat_stream(make, rr, corrected=unlike))
    assert (row["hr"].number is not None) is hr_shown
    assert (row["rmssd"].number is not None) is rmssd_shown
    assert ("corrected" in row["rmssd"].reason) is not rmssd_shown


def test_numbers_on_short_windows_are_withheld_with_the_length_that_is_needed(make):
    row = one_phase(make, beat_stream(make, [1000.0] * 45))
    assert row["hr"].number == pytest.approx(60.0)
    assert row["rmssd"].number is None
    assert row["rmssd"].reason == "only 45 s of valid intervals; 60 s are needed"
    assert one_phase(make, beat_stream(make, [1000.0] * 20))["hr"].number is None


def test_the_beat_log_is_applied_to_its_last_line(make):
    lines = [
        [0, 1.0, math.nan, 1, 0, 0],
        [1, 2.0, 1000.0, 1, 0, 0],
        [2, 2.4, 400.0, 1, 1, 0],
        [2, 2.4, 400.0, 1, 1, 2],
        [1, 2.1, 1100.0, 1, 0, 1],
        [3, 1.5, 500.0, 1, 0, 3],
    ]
    columns = np.array(lines).T
    columns[1] += make.t0
    found = beats(
        make.recording(make.numeric("beats", "P", BEAT_COLUMNS, np.arange(1.0, 7.0), list(columns)))
    )
    assert found.r_time_s == pytest.approx([1.0, 1.5, 2.1])
    assert found.rr_ms[1:] == pytest.approx([500.0, 1100.0])


def test_skin_conductance_counts_valid_seconds_and_the_responses_in_them(make):
    seconds = np.arange(1.0, 100.0)
    scl = np.where(seconds <= 80, 4.0, math.nan)
    onsets = np.array([10.5, 20.5, 90.5])
    scrs = make.numeric(
        "scrs", "P", ["onset_s", "peak_s", "amplitude_uS"], onsets + 3, [onsets + make.t0, onsets + 101, 0.2]
    )
    row = one_phase(make, features(make, seconds, scl_uS=scl), scrs)
    assert row["scl"].number == 4.0
    assert row["eda_window"].number == 80
    assert row["scr_rate"].number == pytest.approx(2 * 60 / 80)
    assert row["scr_rate"].at_s == 10.5
    assert row["usable_eda"].number == 80.0
    assert row["usable_eda"].at_s == 81.0


def test_no_responses_at_all_are_a_rate_of_zero_but_no_stream_is_no_rate(make):
    seconds = np.arange(1.0, 100.0)
    scl = features(make, seconds, scl_uS=np.full(99, 4.0))
    nothing = make.numeric("scrs", "P", ["onset_s", "peak_s", "amplitude_uS"], [], [[], [], []])
    assert one_phase(make, scl, nothing)["scr_rate"].number == 0.0
    assert one_phase(make, scl)["scr_rate"].number is None


def test_seconds_that_are_missing_from_the_features_are_not_usable(make):
    seconds = np.concatenate([np.arange(0.0, 50.0), np.arange(75.0, 100.0)])
    row = one_phase(make, features(make, seconds, hr_bpm=np.full(seconds.size, 60.0)))
    assert row["usable_hr"].number == 75.0


def test_activation_is_the_mean_of_valid_seconds_or_withheld_in_words(make):
    seconds = np.arange(0.0, 100.0)
    half = np.where(seconds < 40, np.nan, -0.5)
    assert one_phase(make, features(make, seconds, activation=half))["activation"].number == -0.5
    none = one_phase(make, features(make, seconds, activation=np.full(100, np.nan)))["activation"]
    assert none.number is None
    assert "baseline is frozen" in none.reason


def test_where_only_the_heart_speaks_this_is_said(make):
    seconds = np.arange(0.0, 100.0)
    columns = {"activation": np.full(100, 0.5), "heart_activation": np.full(100, 0.5)}
    row = one_phase(make, features(make, seconds, **columns, eda_activation=np.full(100, np.nan)))
    assert (row["heart_activation"].number, row["eda_activation"].number) == (0.5, None)
    recording = make.recording(
        make.json("markers", phase_markers(("all", 0.0, 100.0))), features(make, seconds, **columns)
    )
    told = " ".join(session_summary(recording))
    assert "averaged +0.50 in “all”. In “all” it is from the heart only." in told


def test_a_beat_on_the_border_belongs_to_the_phase_that_begins_there(make):
    phase = RecordedPhase(name="a", kind="a", begin_s=10.0, end_s=20.0)
    assert phase.holds(np.array([9.9, 10.0, 19.9, 20.0])).tolist() == [False, True, True, False]


def test_phases_come_from_their_markers(session):
    assert [(p.name, p.kind, p.begin_s, p.end_s) for p in phases(session)] == [
        ("baseline", "baseline", 0.0, 120.0),
        ("match", "match", 120.0, 210.0),
        ("lead to rest", "lead", 210.0, 540.0),
        ("sustain", "sustain", 540.0, 600.0),
        ("fade", "end", 600.0, 625.0),
    ]
    assert not any(phase.cut for phase in phases(session))


def test_a_phase_whose_end_was_cut_off_reaches_to_the_last_sample(session, make):
    found = phases(make.cut(session, 300.0))
    assert [phase.name for phase in found] == ["baseline", "match", "lead to rest"]
    assert found[-1].cut
    assert found[-1].end_s == pytest.approx(300.0, abs=0.5)


def test_an_end_that_has_no_end_marker_is_not_called_cut_in_a_closed_recording(make):
    markers = make.json("markers", phase_markers(("lead", 0.0, 50.0), ("end", 50.0, None)))
    recording = make.recording(markers, make.json("decisions", [(70.0, {"phase": "end"})]))
    assert phases(recording)[-1] == RecordedPhase(name="end", kind="end", begin_s=50.0, end_s=70.0)


def test_decisions_stand_in_where_markers_lack(make):
    decisions = [(float(t), {"phase": "match" if t < 50 else "lead"}) for t in range(0, 100, 5)]
    bare = make.recording(make.json("decisions", decisions), complete=False)
    assert [(p.name, p.begin_s, p.end_s, p.cut) for p in phases(bare)] == [
        ("match", 0.0, 50.0, False),
        ("lead", 50.0, 95.0, True),
    ]
    markers = make.json("markers", phase_markers(("match", 0.0, 50.0)))
    mixed = phases(make.recording(markers, make.json("decisions", decisions), complete=False))
    assert [(p.name, p.end_s) for p in mixed] == [("match", 50.0), ("lead", 95.0)]


def test_a_recording_of_nothing_has_no_phases(make):
    assert phase_table(make.recording()) == ()


KINDS = "statement,contrast,thinning,return,close"


def music(make, *, form="full", rows=((10.0, 0, 0), (42.0, 1, 1), (50.0, 1, 1), (90.0, 2, 3)), beats=()):
    """A recording of the music only: rows are time, section and kind; beats are a second each."""
    times, numbers, kinds = zip(*rows, strict=True) if rows else ((), (), ())
    sections = make.numeric("form", "Music", ["section", "section_kind"], times, [numbers, kinds])
    asked = make.numeric("music", "Music", ["tempo_bpm"], [0.0], [60.0])
    score = make.numeric("score", "Music", ["tempo_bpm"], beats, [60.0])
    return make.recording(
        replace(asked, desc={"form": form}), replace(sections, desc={"section_kinds": KINDS}), score
    )


def test_sections_of_the_music_end_where_the_next_begins_or_the_music_does(make):
    beats = [*range(10, 80), *range(90, 110)]  # a silence from 80 to 90
    found = music_sections(music(make, beats=beats))
    assert [(each.number, each.kind, each.begin_s, each.end_s) for each in found] == [
        (0, "statement", 10.0, 42.0),
        (1, "contrast", 42.0, 80.0),
        (2, "return", 90.0, 110.0),
    ]
    assert found[0].duration_s == 32.0


def test_music_without_a_form_has_no_sections(make):
    assert music_sections(music(make, form="none", beats=range(10, 110))) == ()
    earlier = make.recording(make.numeric("music", "Music", ["tempo_bpm"], [0.0], [60.0]))
    assert music_sections(earlier) == ()

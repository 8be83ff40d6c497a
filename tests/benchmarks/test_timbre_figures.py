"""What is judged of the sound of a palette, on figures made up for it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import timbre_figures as figures
from benchmarks.played_notes import ALL, STATES
from benchmarks.timbre_measures import CALM_RECORDINGS

PALETTE = "harp-bells"
QUIET = {
    "after_last_note_peak_dbfs": -120.0,
    "noise_floor_rms_dbfs": -200.0,
    "music_peak_dbfs": -9.0,
    "in_silence_peak": 0.0,
}


def good():
    """Return figures of a palette in the middle of every range, as new ones."""
    middle = {name: (low + high) / 2 for name, (low, high) in CALM_RECORDINGS.items()} | {"rise_db": 5.0}
    return {
        **{state: dict(middle) for state in STATES},
        "attack": {"notes": 9, "median_ms": 3.0, "percentile_95_ms": 6.0},
        "pauses": dict(QUIET),
    }


def missed(part, name, value, palette=PALETTE):
    """Return what is missed where one figure has another value."""
    found = good()
    found[part][name] = value
    return figures.missed({palette: found})


def test_figures_within_all_ranges_miss_nothing():
    assert figures.missed({PALETTE: good()}) == []


@pytest.mark.parametrize("name", CALM_RECORDINGS)
def test_every_measure_is_judged_in_motion(name):
    for value in (-300.0, 300.0):
        lines = missed("match", name, value)
        open_side = value > 0.0 and name in {"correlation_20_60", "correlation_60_150"}
        open_side |= value < 0.0 and name == "rise_db"
        assert [line.split(":")[1] for line in lines] == ([] if open_side else [f" {name} at match"])


@pytest.mark.parametrize(
    "name", ["band_20_60_db", "band_5000_10000_db", "band_10000_16000_db", "flatness_db"]
)
def test_bass_air_and_flatness_are_not_judged_at_rest(name):
    assert missed("rest", name, -60.0) == []
    assert missed("rest", "band_500_2000_db", -60.0) != []


def test_rest_may_move_less_and_may_rise_less():
    assert missed("rest", "flux", 0.09) == []
    assert missed("match", "flux", 0.09) != []
    assert missed("match", "rise_db", 7.5) == []
    assert missed("rest", "rise_db", 7.5) == ["harp-bells: rise_db at rest: 7.5, not at most 6.4"]


def test_a_drone_is_exempt_from_air_flatness_and_flux_only():
    bound = {each.name for each in figures.bounds_of("deep-drone")}
    assert set(CALM_RECORDINGS) - bound == {
        "flatness_db",
        "flux",
        "band_5000_10000_db",
        "band_10000_16000_db",
        "correlation_5000_10000",
        "correlation_10000_16000",
    }
    assert next(each for each in figures.bounds_of("deep-drone") if each.name == "correlation").states == ALL


def test_attacks_are_judged_by_the_kind_of_melody():
    assert missed("attack", "median_ms", 9.0) == ["harp-bells: attack of 9.0 ms, not at most 5"]
    assert missed("attack", "median_ms", 9.0, "felt-piano") == []
    assert missed("attack", "median_ms", 13.0, "felt-piano") != []
    assert missed("attack", "median_ms", 300.0, "soft-strings") == []
    assert missed("attack", "notes", 0) == ["harp-bells: no attack of the melody could be timed"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("after_last_note_peak_dbfs", -79.0, "-79.0 dBFS ten seconds after the last note"),
        ("noise_floor_rms_dbfs", -75.0, "noise floor of -75.0 dBFS"),
        ("in_silence_peak", 1e-9, "silence is not digital silence"),
        ("music_peak_dbfs", -200.0, "no music before the pause"),
    ],
)
def test_what_is_heard_in_pauses_is_missed(name, value, words):
    assert missed("pauses", name, value) == [f"harp-bells: {words}"]


def test_attacks_are_summed_up_and_none_are_none():
    assert figures.spread_ms(np.array([])) == {"notes": 0}
    found = figures.spread_ms(np.arange(101.0))
    assert found == {"notes": 101, "median_ms": 50.0, "percentile_95_ms": 95.0}


def test_a_melody_alone_has_attacks_that_can_be_timed(monkeypatch):
    monkeypatch.setattr(figures, "SOLO_S", 30.0)
    found = figures.melody_attacks_ms(PALETTE, 1)
    assert found.size
    assert 0.0 < np.median(found) < 500.0


def test_hiss_under_the_music_is_found_after_the_last_note(monkeypatch):
    play = figures.VirtualPlayer.play
    rng = np.random.default_rng(0)

    class Hissing(figures.VirtualPlayer):
        """A player with noise of −60 dBFS under its music."""

        def play(self, states):
            step = play(self, states)
            hiss = 0.001 * rng.standard_normal(step.audio.shape)
            return replace(step, audio=(step.audio + hiss).astype(np.float32))

    monkeypatch.setattr(figures, "NOTES_S", 8.0)
    monkeypatch.setattr(figures, "FLOOR_AFTER_S", 11.0)
    monkeypatch.setattr(figures, "VirtualPlayer", Hissing)
    found = figures.pauses("warm-pads")
    assert found["noise_floor_rms_dbfs"] == pytest.approx(-60.0, abs=0.5)
    assert found["after_last_note_rms_dbfs"] == pytest.approx(-60.0, abs=1.0)
    assert found["in_silence_peak"] == 0.0
    lines = figures.heard_in_pauses(found)
    assert len(lines) == 2

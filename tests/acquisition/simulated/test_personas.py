"""The differences between personas."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import find_peaks

from acquisition.errors import SpecError
from acquisition.simulated.autonomic_state import (
    SILENCE,
    AutonomicState,
    ExternalEvents,
    MusicHistory,
    PerceivedMusic,
)
from acquisition.simulated.listener import EDA_RATE_HZ, Skin, VirtualListener
from acquisition.simulated.persona import PERSONAS
from acquisition.streams import Kind

QUIET = {
    "tempo_bpm": 52.0,
    "density": 0.1,
    "level_db": -12.0,
    "brightness": 0.1,
    "novelty": 0.0,
    "breath_rate": 0.0,
    "breath_depth": 0.0,
}
SWELLING = QUIET | {"breath_rate": 6.0, "breath_depth": 0.6}
SEEDS = range(3)


def person(persona, seed=1, **changes):
    return replace(PERSONAS[persona].draw(np.random.default_rng(seed)), **changes)


def states(listener, sound=None, *, seconds=600, kappa=1.0, seed=2, pain_at_s=300.0):
    """Return the hidden states of each second while a sound, or nothing, is heard from 60 s on."""
    events = ExternalEvents(listener, pain_at_s=pain_at_s, rng=np.random.default_rng(seed))
    nerves = AutonomicState(listener, kappa=kappa, events=events, rng=np.random.default_rng(seed + 100))
    memory = MusicHistory()
    found = []
    for number in range(seconds):
        memory.add(float(number), sound if number > 60 else None)
        found.append(nerves.step(memory))
    return found


def arousal(listener, sound=None, **options):
    return np.array([second.arousal[1] for second in states(listener, sound, **options)])


def breaths_per_min(listener, sound=None, **options):
    return 60 * np.array([second.breath_hz[1] for second in states(listener, sound, **options)])


def by_music(listener, sound=QUIET, **options):
    """Return what the music adds to arousal, second by second: everything else cancels."""
    return arousal(listener, sound, **options) - arousal(listener, None, **options)


@pytest.mark.parametrize("seed", SEEDS)
def test_slow_quiet_music_calms_the_responder_and_rouses_the_paradoxical(seed):
    assert by_music(person("responder", seed))[-120:].mean() < -0.1
    assert by_music(person("paradoxical", seed))[-120:].mean() > 0.1
    assert not by_music(person("paradoxical", seed), kappa=0.0).any()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_effect_on_the_habituating_shrinks(seed):
    # Without what rouses for a moment, so that what is left of the calming can be told.
    habituating = person("habituating", seed, onset_gain=0.0, mismatch_gain=0.0)
    faithful = replace(habituating, habituation_per_min=0.0)
    left, whole = (by_music(listener, seconds=1200) for listener in (habituating, faithful))
    early, middle, late = (
        left[begin : begin + 60].mean() / whole[begin : begin + 60].mean() for begin in (90, 400, 1100)
    )
    assert early > 0.6
    assert early > middle > late
    assert 0 <= late < 0.2


def test_changes_no_longer_surprise_the_skin_of_the_habituating():
    def responses(heard_before_s):
        skin = Skin(person("habituating"), kappa=1.0, rng=np.random.default_rng(5))
        heard = PerceivedMusic(sounding=1.0, novelty=1.0, heard_before_s=heard_before_s)
        quiet = Skin(person("habituating"), kappa=1.0, rng=np.random.default_rng(5))
        rest = states(person("habituating"))[:200]
        return sum(
            np.abs(skin.samples(second, heard) - quiet.samples(second, SILENCE)).max() > 0 for second in rest
        )

    assert responses(1800.0) < responses(0.0) / 3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_startled_start_and_their_skin_answers(seed):
    listener = person("startle", seed)
    found = states(listener, seconds=1200, seed=seed)
    rises = np.diff([second.arousal[1] for second in found])
    starts = np.flatnonzero(rises > 1.0) + 1
    assert 3 <= starts.size <= 16
    answers = np.flatnonzero([second.event_scr_us for second in found])
    np.testing.assert_array_equal(answers, starts[starts + 2 < len(found)] + 2)
    # Each passes within a minute, and the heart has felt it.
    sympathetic = np.array([second.sympathetic[1] for second in found])
    first = starts[0]
    assert sympathetic[first : first + 20].max() > sympathetic[first - 1] + 0.3


def test_an_answer_of_the_skin_has_the_size_it_was_given():
    listener = person("startle", resting_scl_us=1e-9)
    still = replace(states(listener)[0], arousal=(-9.0, -9.0))
    skin, other = (Skin(listener, kappa=1.0, rng=np.random.default_rng(6)) for _ in range(2))
    seconds = [replace(still, number=n) for n in range(10)]
    event = [replace(second, event_scr_us=0.8 if second.number == 3 else 0.0) for second in seconds]
    trace, without = (
        np.concatenate([s.samples(second, SILENCE) for second in each])
        for s, each in ((skin, event), (other, seconds))
    )
    difference = trace - without
    assert difference.max() == pytest.approx(0.8, rel=0.01)
    assert np.flatnonzero(difference)[0] / EDA_RATE_HZ == pytest.approx(3.0, abs=0.1)


def test_pain_comes_at_its_time_and_goes():
    listener = person("pain-event", pain_arousal=2.0, pain_s=80.0)
    added = arousal(listener, pain_at_s=200.0) - arousal(replace(listener, pain_arousal=0.0), pain_at_s=200.0)
    times = np.arange(added.size) - 1  # two seconds of warming up, and the end of each second
    assert not added[times <= 200].any()
    np.testing.assert_allclose(added[(times >= 210) & (times <= 280)], 2.0)
    assert added[-1] < 0.1
    answers = [second.number for second in states(listener, pain_at_s=200.0) if second.event_scr_us]
    assert answers == [202]


def test_pain_at_is_for_those_who_feel_some():
    with pytest.raises(SpecError, match="responder feels no pain"):
        VirtualListener("responder", seed=1, pain_at_s=60.0)


def test_the_dry_skin_hardly_moves_and_their_heart_follows_as_others():
    def conductance(persona):
        chunks = VirtualListener(persona, seed=4).read(300.0)
        return next(chunk.samples[:, 0] for chunk in chunks if chunk.stream.kind is Kind.EDA)

    def responses(signal):
        smooth = np.convolve(signal, np.ones(8) / 8, mode="valid")
        return find_peaks(smooth, prominence=0.05, wlen=10 * EDA_RATE_HZ)[0].size

    assert responses(conductance("responder")) > 10
    assert responses(conductance("eda-nonresponder")) == 0
    assert by_music(person("eda-nonresponder"))[-60:].mean() < -0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_breathing_is_drawn_toward_the_swells_of_responders_only(seed):
    responder, none = person("responder", seed), person("nonresponder", seed)
    own, paced = (breaths_per_min(responder, sound)[-200:].mean() for sound in (QUIET, SWELLING))
    assert 6.0 < paced < own - 3.0
    stays, hardly = (breaths_per_min(none, sound)[-200:].mean() for sound in (QUIET, SWELLING))
    assert abs(hardly - stays) < 0.3 * (stays - 6.0)
    np.testing.assert_array_equal(breaths_per_min(responder, SWELLING, kappa=0.0), breaths_per_min(responder))


def test_shallow_swells_draw_less_and_leave_when_they_end():
    listener = person("responder")
    deep, shallow = (
        breaths_per_min(listener, SWELLING | {"breath_depth": depth})[-200:].mean() for depth in (0.5, 0.1)
    )
    assert deep < shallow - 2.0
    events = ExternalEvents(listener, pain_at_s=0.0, rng=np.random.default_rng(1))
    nerves = AutonomicState(listener, kappa=1.0, events=events, rng=np.random.default_rng(2))
    memory, rates = MusicHistory(), []
    for number in range(300):
        memory.add(float(number), SWELLING if number < 150 else None)
        rates.append(60 * nerves.step(memory).breath_hz[1])
    assert np.mean(rates[100:150]) < np.mean(rates[250:]) - 3.0


def test_a_population_is_mixed_as_it_is_written():
    rng = np.random.default_rng(7)
    drawn = [PERSONAS["population"].draw(rng) for _ in range(2000)]
    slopes = np.array([listener.tempo_slope for listener in drawn])
    follows, opposite = slopes[slopes > 0], slopes[slopes < 0]
    assert np.mean(slopes == 0) == pytest.approx(0.60, abs=0.04)
    assert opposite.size / slopes.size == pytest.approx(0.05, abs=0.02)
    assert follows.min() >= 0.02
    assert follows.max() <= 0.08
    shares = Counter()
    for listener in drawn:
        shares["dry"] += listener.scr_gain < 1
        shares["habituating"] += listener.habituation_per_min > 0
        shares["starting"] += listener.startles_per_min > 0
        shares["hurt"] += listener.pain_arousal > 0
    assert shares["dry"] / 2000 == pytest.approx(0.10, abs=0.03)
    assert shares["habituating"] / 2000 == pytest.approx(0.20, abs=0.03)
    assert shares["starting"] / 2000 == pytest.approx(0.05, abs=0.02)
    assert shares["hurt"] == 0


@pytest.mark.parametrize("persona", PERSONAS)
def test_with_kappa_0_even_swells_change_no_sample(persona):
    def samples(sound):
        listener = VirtualListener(persona, seed=9, kappa=0.0)
        chunks = []
        for t in range(1, 60):
            chunks += listener.read(float(t))
            listener.observe_music(float(t), sound)
        return b"".join(chunk.samples.tobytes() for chunk in chunks)

    assert samples(SWELLING | {"novelty": 1.0}) == samples(None)


def _documented():
    """Yield ``(parameter, low, high)`` of each range that docs/listener.md tells, by line."""
    text = (Path(__file__).parents[3] / "docs" / "listener.md").read_text(encoding="utf-8")
    number = r"[−-]?\d+(?:\.\d+)?"
    for line in text.splitlines():
        found = re.findall(rf"`(\w+)`(?: \|)? ({number}) to ({number})", line)
        yield line, {name: (_plain(low), _plain(high)) for name, low, high in found}


def _plain(number):
    return float(number.replace("−", "-"))


def test_the_documentation_has_the_ranges_of_the_code():
    lines = list(_documented())
    usual = PERSONAS["nonresponder"]
    table = {
        name: span for line, spans in lines for name, span in spans.items() if line.startswith(f"| `{name}`")
    }
    assert table == usual.ranges


@pytest.mark.parametrize("persona", sorted(set(PERSONAS) - {"nonresponder", "population"}))
def test_the_documentation_tells_how_each_persona_differs(persona):
    (spans,) = (spans for line, spans in _documented() if line.startswith(f"| `{persona}`"))
    usual = PERSONAS["nonresponder" if persona in {"responder", "paradoxical"} else "responder"]
    differs = {name: span for name, span in PERSONAS[persona].ranges.items() if span != usual.ranges[name]}
    assert spans == differs

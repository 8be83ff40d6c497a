"""Harmony, form and touch of what the product plays, from its notes.

Bounds are the quartiles of 14 calm piano pieces by people, Bach to Ravel, as scores (harmony, form,
repetition), and 10 to 90 % of 39 performances of them (touch), measured by the same code; what was chosen
otherwise says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmarks.note_measures import (
    REPETITION_BARS,
    Notes,
    bars_returning,
    chord_touch,
    form_share,
    harmony_measures,
    rub_share,
    same_loudness,
)
from benchmarks.played_notes import (
    ALL,
    AT_REST,
    IN_MOTION,
    SEEDS,
    STATES,
    Bound,
    mean_measures,
    out_of_bounds,
    played,
)
from generator.state import FORMS, Mode, Piece

BOUNDS = (
    Bound("rub_share", ALL, high=0.03),
    Bound("tonic_bars", IN_MOTION, high=0.32),
    Bound("tonic_bars", AT_REST, high=0.45),  # chosen: rest leaves home less often
    Bound("chord_phrases_in_16", ALL, low=13.0),
    Bound("accompaniment_bars_returning", ALL, low=0.15, high=0.664),
    Bound("chords_exactly_together", ALL, high=0.0274),
    Bound("chord_spread_ms", ALL, low=20.3, high=30.0),
)

PLAIN, SHAPED = FORMS[0], FORMS[-1]
FORM_BOUNDS = {
    PLAIN: (Bound("form_share", ALL, high=0.10),),  # a steady state is asked for, and no form
    SHAPED: (
        Bound("form_share", IN_MOTION, low=0.24),
        Bound("form_share", AT_REST, low=0.15),
        # Chosen: form must be more than loudness.
        Bound("form_share_same_loudness", IN_MOTION, low=0.15),
        Bound("form_share_same_loudness", AT_REST, low=0.10),
    ),
}

MODE_SEEDS = range(1, 5)
HIGHEST_RUB_SHARE = 0.03


def texture_measures(notes: Notes, tonic: int = 0) -> dict[str, float]:
    """Return the measures of a piece's harmony, repetition and touch."""
    touch = chord_touch(notes.time_s)
    return {
        "rub_share": rub_share(notes.melody, notes.held),
        **harmony_measures(notes.held, tonic),
        "accompaniment_bars_returning": bars_returning(notes.accompaniment.first_bars(REPETITION_BARS)),
        "chords_exactly_together": touch.together,
        "chord_spread_ms": touch.spread_ms,
    }


def form_measures(notes: Notes) -> dict[str, float]:
    """Return how much of a piece's texture depends on its eighths."""
    share, by_chance = form_share(notes)
    return {
        "form_share": share,
        "form_share_by_chance": by_chance,
        "form_share_same_loudness": form_share(same_loudness(notes)).share,
    }


def rub_by_mode() -> dict[str, dict[str, float]]:
    """Return the share of dissonant time of the melody in each state and mode."""
    return {
        name: {
            mode.name.lower(): mean_measures(
                lambda notes: {"rub_share": rub_share(notes.melody, notes.held)},
                [played(replace(state, mode=mode.openness), Piece(seed=seed)) for seed in MODE_SEEDS],
            )["rub_share"]
            for mode in Mode
        }
        for name, state in STATES.items()
    }


def figures() -> dict[str, Any]:
    """Return the measures in each state, the form with and without it, and the dissonance by mode."""
    found: dict[str, Any] = {
        name: mean_measures(texture_measures, [played(state, Piece(seed=seed)) for seed in SEEDS])
        for name, state in STATES.items()
    }
    found["forms"] = {
        form: {
            name: mean_measures(form_measures, [played(state, Piece(seed=seed, form=form)) for seed in SEEDS])
            for name, state in STATES.items()
        }
        for form in FORM_BOUNDS
    }
    return found | {"rub_share_by_mode": rub_by_mode()}


def missed(found: dict[str, Any]) -> list[str]:
    """Return what lies outside the bounds, in words."""
    return [
        *out_of_bounds(found, BOUNDS),
        *(
            f"form {form}: {words}"
            for form, bounds in FORM_BOUNDS.items()
            for words in out_of_bounds(found["forms"][form], bounds)
        ),
        *(
            f"rub_share at {name} in {mode}: {share:.3g}, not at most {HIGHEST_RUB_SHARE:g}"
            for name, modes in found["rub_share_by_mode"].items()
            for mode, share in modes.items()
            if share > HIGHEST_RUB_SHARE
        ),
    ]

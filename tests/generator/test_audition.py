"""Auditions: what is heard when."""

import pytest

from generator.audition import AUDITION_S, audition_states, bed_audition, palette_audition
from generator.errors import StateError
from generator.render import render
from generator.state import PALETTES, PlayedSound


@pytest.mark.parametrize("seconds", [AUDITION_S, 2 * AUDITION_S])
def test_an_audition_begins_calm_and_grows_to_six_layers_and_brighter(seconds):
    states = audition_states(seconds)
    first, last = states.at(0.0), states.at(seconds)
    assert (first.layers, last.layers) == (2, 6)
    assert first.brightness < last.brightness <= 0.7
    notes = render(states, palette_audition(PALETTES[0]).piece, seconds)
    begun = {note.layer for note in notes if note.frame < 0.12 * seconds * 48_000}
    assert begun == {"pad", "melody"}
    assert len({note.layer for note in notes}) == 6


def test_a_bed_is_heard_alone():
    assert bed_audition("sea").plays is PlayedSound.NATURE
    assert palette_audition("deep-drone", nature="sea").plays is PlayedSound.MUSIC
    with pytest.raises(StateError, match="does not exist"):
        bed_audition("whales")

"""Everything that a page offers has a name in words, and no page has a list of its own."""

import re
from pathlib import Path

from biofeedback.client import OPTIONS, SCOPES
from dashboard import components
from dashboard.texts import TEXTS

UI = Path(__file__).resolve().parents[2] / "dashboard" / "ui"


def test_every_choice_has_a_name_in_words() -> None:
    keys = {
        *(f"field.{name}" for name in OPTIONS.music),
        *(f"mode.{name}" for name in OPTIONS.music["mode"].names),
        *(f"palette.{name}" for name in components.PALETTES),
        *(f"nature.{name}" for name in components.NATURES),
        *(f"metre.{name}" for name in components.METRES),
        *(f"arm.{name}" for name in OPTIONS.arms),
        *(f"form.{name}" for name in OPTIONS.forms),
        *(f"tonal-plan.{name}" for name in OPTIONS.tonal_plans),
        *(f"adverse.{name}" for name in OPTIONS.severities),
    }
    assert keys - TEXTS.keys() == set()
    assert all(components.SOUND_NAMES.values())
    assert tuple(SCOPES) == OPTIONS.consent_scopes
    assert len(components.TONICS) == OPTIONS.preferences["tonic"].high + 1


def test_scripts_have_no_list_of_the_fields_of_the_music_or_of_scales() -> None:
    listed = {"articulation", "brightness", "phrygian", *OPTIONS.scales} - {"pain-nrs"}
    for path in UI.glob("*.js"):
        found = set(re.findall(r"[\w-]+", path.read_text(encoding="utf-8"))) & listed
        assert found == set(), path.name

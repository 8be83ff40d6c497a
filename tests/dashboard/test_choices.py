"""What the pages offer is what the packages below know."""

import re
from pathlib import Path

from biofeedback.store.records import SCOPES
from dashboard import choices
from generator import state
from protocols.scales import SCALES
from protocols.schema import ARMS, AnyPhase

UI = Path(__file__).resolve().parents[2] / "dashboard" / "ui"


def test_sounds_are_those_of_the_generator() -> None:
    assert choices.PALETTES == state.PALETTES
    assert choices.NATURES == state.NATURES
    assert choices.LAYERS == state.LAYERS


def test_kinds_and_arms_are_those_of_protocols() -> None:
    kinds = AnyPhase.__origin__.__args__
    assert set(choices.KINDS) == {kind.model_fields["kind"].annotation.__args__[0] for kind in kinds}
    assert set(choices.ARMS) == set(ARMS)


def test_scopes_are_those_of_the_store() -> None:
    assert set(choices.SCOPES) == set(SCOPES)


def test_ranges_of_overrides_are_those_of_the_music() -> None:
    text = (UI / "override.js").read_text(encoding="utf-8")
    found = {
        name: (float(low), float(high))
        for name, low, high in re.findall(r"^  (\w+): \[(-?[\d.]+), (-?[\d.]+),", text, re.MULTILINE)
    }
    assert found.pop("mode") == (0.0, 1.0)
    assert found == {name: tuple(map(float, ends)) for name, ends in state.RANGES.items()}


def test_scales_are_those_of_protocols() -> None:
    text = (UI / "asks.js").read_text(encoding="utf-8")
    found = {
        name: (int(low), int(high)) for name, low, high in re.findall(r'"([\w-]+)": \[(\d+), (\d+)\]', text)
    }
    assert found == {name: (scale.low, scale.high) for name, scale in SCALES.items()}

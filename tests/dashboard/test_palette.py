"""Every pair of colours that the pages put on each other can be read (WCAG 2.2 AA)."""

import re
from pathlib import Path

import pytest

from dashboard.palette import COLOURS, SHAPES, WORDS, contrast, stylesheet

UI = Path(__file__).resolve().parents[2] / "dashboard" / "ui"


def pairs(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(shown, ground) for ground, colours in table.items() for shown in colours]


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert contrast("#FFFFFF", "#767676") == pytest.approx(4.54, abs=0.01)
    assert contrast("#336699", "#336699") == pytest.approx(1.0)


@pytest.mark.parametrize(("words", "ground"), pairs(WORDS))
def test_words_can_be_read(words: str, ground: str) -> None:
    assert contrast(COLOURS[words], COLOURS[ground]) >= 4.5


@pytest.mark.parametrize(("shape", "ground"), pairs(SHAPES))
def test_shapes_can_be_seen(shape: str, ground: str) -> None:
    assert contrast(COLOURS[shape], COLOURS[ground]) >= 3.0


def test_pages_use_the_palette_and_nothing_else() -> None:
    used = set()
    for file in UI.glob("*.css"):
        text = file.read_text(encoding="utf-8")
        used |= set(re.findall(r"var\(--(?!st-)([a-z-]+)\)", text))
        assert not re.findall(r"#[0-9A-Fa-f]{6}\b", text), file.name
    assert used <= set(COLOURS)
    assert all(f"--{name}: {value};" in stylesheet() for name, value in COLOURS.items())

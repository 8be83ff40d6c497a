"""The colours of every page, and the pairs of them that must be readable on each other.

Contrast is that of WCAG 2.2: at least 4.5 to 1 for words (clause 1.4.3, AA), 3 to 1 for lines and shapes
that carry meaning (clause 1.4.11).
"""

from __future__ import annotations

COLOURS = {
    "ground": "#F3F6F5",
    "surface": "#FFFFFF",
    "ink": "#1C2B30",
    "ink-soft": "#4B5D63",
    "line": "#CBD5D4",
    "edge": "#76868A",
    "accent": "#1B6670",
    "accent-deep": "#124B53",
    "accent-soft": "#DDECED",
    "on-accent": "#FFFFFF",
    "good": "#22693B",
    "good-soft": "#E1F0E5",
    "doubtful": "#7F4C00",
    "doubtful-soft": "#FBEED6",
    "lost": "#A3261E",
    "lost-soft": "#FBE6E3",
    "stop": "#B3261E",
    "stop-deep": "#8C1A14",
    "on-stop": "#FFFFFF",
    "band": "#CFE4D6",
    "gap": "#E6EAE9",
    "ecg": "#A63A4A",
    "ppg": "#A63A4A",
    "rr": "#A63A4A",
    "eda": "#6E4391",
    "rsp": "#2A609E",
}
"""Names of CSS variables with their values."""

WORDS = {
    "ground": ("ink", "ink-soft", "accent", "good", "doubtful", "lost"),
    "surface": ("ink", "ink-soft", "accent", "good", "doubtful", "lost"),
    "accent-soft": ("ink", "accent-deep"),
    "band": ("ink",),
    "gap": ("ink", "ink-soft"),
    "accent": ("on-accent",),
    "accent-deep": ("on-accent",),
    "good-soft": ("good",),
    "doubtful-soft": ("doubtful", "ink"),
    "lost-soft": ("lost", "ink"),
    "stop": ("on-stop",),
    "stop-deep": ("on-stop",),
}
"""Colours of text, by the colour behind it: contrast at least 4.5 to 1."""

SHAPES = {
    "surface": ("edge", "ecg", "ppg", "rr", "eda", "rsp"),
    "ground": ("edge",),
    "gap": ("accent",),
    "band": ("accent", "ink"),
}
"""Colours of lines and shapes that carry meaning, by the colour behind them: at least 3 to 1."""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours ``#RRGGBB``, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def stylesheet() -> str:
    """Return the palette as CSS variables."""
    lines = "\n".join(f"  --{name}: {value};" for name, value in COLOURS.items())
    return f":root {{\n{lines}\n}}\n"


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

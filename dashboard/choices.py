"""What may be chosen on the pages, by the names that the engine knows; the catalogue says them in words.

A test holds these against the packages that define them, which a dashboard does not import.
"""

from __future__ import annotations

from dashboard.texts import say

PALETTES = ("warm-pads", "harp-bells", "soft-strings")
NATURES = ("none", "wind", "water", "rain")
LAYERS = ("pad", "melody", "bass", "arpeggio", "counter", "strings", "bells", "air")
TONICS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
KINDS = (
    "settle",
    "baseline",
    "match",
    "lead",
    "sustain",
    "breathe",
    "arc",
    "engage",
    "silence",
    "return",
    "recovery",
)
ARMS = ("closed-loop", "open-loop", "silence")
SCOPES = ("sessions", "storage", "research")
NEEDED = ("sessions", "storage")
"""What a client must have agreed to for a session."""

VIRTUAL = "listener=virtual:responder"


def palette_name(name: str | None) -> str:
    """Say a palette in words; None is left to the protocol."""
    return say(f"palette.{name}") if name else say("left-to-protocol")


def nature_name(name: str | None) -> str:
    """Say a bed of sound in words; None is left to the protocol."""
    return say(f"nature.{name}") if name else say("left-to-protocol")


def tonic_name(tonic: int | None) -> str:
    """Return the name of a pitch class, 0 (C) to 11 (B); None is left to the protocol."""
    return say("left-to-protocol") if tonic is None else TONICS[tonic]


def sound_name(name: str) -> str:
    """Say a layer or a bed in words."""
    return say(f"nature.{name}") if name in NATURES else say(f"layer.{name}")


def scope_name(name: str) -> str:
    """Say in words what a client agrees to."""
    return say(f"scope.{name}")

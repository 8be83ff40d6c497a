"""The names that pages offer to choose, as the engine knows them, and what they are called in words."""

from __future__ import annotations

from biofeedback.client import OPTIONS
from dashboard.texts import text

PALETTES = OPTIONS.preferences["palette"].choices
NATURES = OPTIONS.preferences["nature"].choices
SOUNDS = OPTIONS.preferences["unwanted"].choices
TONICS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
LOWEST_DB = int(OPTIONS.volume_db[0])
VIRTUAL = "listener=virtual:responder"


def palette_name(name: str | None) -> str:
    """Say a palette in words; None is left to the protocol."""
    return text(f"palette.{name}") if name else text("left-to-protocol")


def nature_name(name: str | None) -> str:
    """Say a bed of sound in words; None is left to the protocol."""
    return text(f"nature.{name}") if name else text("left-to-protocol")


def tonic_name(tonic: int | None) -> str:
    """Return the name of a pitch class, 0 (C) to 11 (B); None is left to the protocol."""
    return text("left-to-protocol") if tonic is None else TONICS[tonic]


def sound_name(name: str) -> str:
    """Say a layer or a bed in words."""
    return text(f"nature.{name}") if name in NATURES else text(f"layer.{name}")


def scope_name(name: str) -> str:
    """Say in words what a client agrees to."""
    return text(f"scope.{name}")

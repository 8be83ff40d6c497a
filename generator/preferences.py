"""What a listener likes to hear, laid over the piece that a protocol names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from generator.errors import StateError
from generator.state import LAYERS, NATURES, Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """A listener's preferences. What is None, empty or the whole range is left to the piece.

    Attributes
    ----------
    palette : str or None
        One of ``generator.state.PALETTES``.
    nature : str or None
        One of ``generator.state.NATURES``.
    tonic : int or None
        Pitch class, 0 (C) to 11 (B).
    unwanted : tuple of str
        Sounds never to be heard: names of ``LAYERS``, or of ``NATURES`` but ``none``.
    register_range : tuple of (float, float)
        Bounds of the register, 0 (low) to 1 (high).

    Raises
    ------
    StateError
        For what `Piece` refuses, and for unwanted sounds that do not exist.
    """

    palette: str | None = None
    nature: str | None = None
    tonic: int | None = None
    unwanted: tuple[str, ...] = ()
    register_range: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        sounds = (*LAYERS, *NATURES[1:])
        if unknown := [name for name in self.unwanted if name not in sounds]:
            raise StateError(f"sound {unknown[0]!r} does not exist; there are {', '.join(sounds)}")
        self.applied_to(Piece(register_range=self.register_range))

    def applied_to(self, piece: Piece) -> Piece:
        """Return the piece as this listener likes it."""
        nature = piece.nature if self.nature is None else self.nature
        return replace(
            piece,
            palette=piece.palette if self.palette is None else self.palette,
            tonic=piece.tonic if self.tonic is None else self.tonic,
            nature=NATURES[0] if nature in self.unwanted else nature,
            unwanted=tuple(name for name in LAYERS if name in {*piece.unwanted, *self.unwanted}),
            register_range=_within(self.register_range, piece.register_range),
        )


def _within(asked: tuple[float, float], allowed: tuple[float, float]) -> tuple[float, float]:
    """Return what two ranges share; where they are apart, the end of the listener's nearer to the other."""
    low, high = max(asked[0], allowed[0]), min(asked[1], allowed[1])
    if low <= high:
        return low, high
    edge = asked[0] if asked[0] > allowed[1] else asked[1]
    return edge, edge

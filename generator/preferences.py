"""A listener's musical preferences, and how they are applied to the piece that a protocol names.

>>> kept = Preferences(palette="harp-bells", tonic=9)
>>> changed = kept.changed({"nature": "wind", "tonic": None})
>>> changed.palette, changed.nature, changed.tonic
('harp-bells', 'wind', None)
>>> kept.applied_to(Piece(seed=1)).palette
'harp-bells'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from generator.state import (
    LAYERS,
    METRES,
    NATURES,
    PALETTES,
    PITCH_CLASSES,
    PLAYBACKS,
    SOUNDS,
    Piece,
    check_known,
    current_sound,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """A listener's preferences. What is None, empty or the whole range is left to the piece.

    Attributes
    ----------
    palette : str or None
        One of ``generator.state.PALETTES``, or the path of a palette file.
    nature : str or None
        One of ``generator.state.NATURES``; an earlier name of one becomes today's.
    tonic : int or None
        Pitch class, 0 (C) to 11 (B).
    metre : str or None
        One of ``generator.state.METRES``.
    playback : str or None
        One of ``generator.state.PLAYBACKS``.
    unwanted : tuple of str
        Sounds never to be heard: names of ``generator.state.SOUNDS``, or earlier ones.
    register_range : tuple of (float, float)
        Limits of the register, 0 (low) to 1 (high).

    Raises
    ------
    StateError
        For what `Piece` refuses, and for unwanted sounds that do not exist.
    """

    palette: str | None = field(default=None, metadata={"choices": PALETTES})
    nature: str | None = field(default=None, metadata={"choices": NATURES})
    tonic: int | None = field(default=None, metadata={"low": 0, "high": PITCH_CLASSES - 1})
    metre: str | None = field(default=None, metadata={"choices": METRES})
    playback: str | None = field(default=None, metadata={"choices": PLAYBACKS})
    unwanted: tuple[str, ...] = field(default=(), metadata={"choices": SOUNDS})
    register_range: tuple[float, float] = field(default=(0.0, 1.0), metadata={"low": 0.0, "high": 1.0})

    def __post_init__(self) -> None:
        if self.nature is not None:
            object.__setattr__(self, "nature", current_sound(self.nature))
        object.__setattr__(self, "unwanted", tuple(map(current_sound, self.unwanted)))
        check_known("sound", self.unwanted, SOUNDS)
        self.applied_to(Piece(register_range=self.register_range))

    def changed(self, given: Mapping[str, Any]) -> Preferences:
        """Return these preferences with the given fields replaced; a field that is not given stays.

        Parameters
        ----------
        given : mapping
            Any of `PREFERENCE_FIELDS` by name. The field's neutral value (None, empty, the whole range)
            clears it. Lists, as read from JSON, are accepted for tuples.

        Raises
        ------
        StateError
            For an unknown field, and as the class does.
        """
        check_known("preference", given, PREFERENCE_FIELDS)
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        return replace(self, **plain)

    def applied_to(self, piece: Piece) -> Piece:
        """Return the piece with these preferences in place of its own values."""
        nature = piece.nature if self.nature is None else self.nature
        return replace(
            piece,
            palette=piece.palette if self.palette is None else self.palette,
            tonic=piece.tonic if self.tonic is None else self.tonic,
            metre=piece.metre if self.metre is None else self.metre,
            playback=piece.playback if self.playback is None else self.playback,
            nature=NATURES[0] if nature in self.unwanted else nature,
            unwanted=tuple(name for name in LAYERS if name in {*piece.unwanted, *self.unwanted}),
            register_range=_common_range(self.register_range, piece.register_range),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceField:
    """Description of one field of `Preferences`. It holds no text for users.

    Attributes
    ----------
    choices : tuple of str
        The names to choose from; empty for a number.
    low, high : float or None
        Smallest and largest number; None for names.
    """

    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


PREFERENCE_FIELDS = {each.name: PreferenceField(**each.metadata) for each in fields(Preferences)}
"""Every field of `Preferences` by name, in its order."""


def _common_range(asked: tuple[float, float], allowed: tuple[float, float]) -> tuple[float, float]:
    """Return the intersection of two ranges; if there is none, the end of `asked` nearer to `allowed`."""
    low, high = max(asked[0], allowed[0]), min(asked[1], allowed[1])
    if low <= high:
        return low, high
    edge = asked[0] if asked[0] > allowed[1] else asked[1]
    return edge, edge

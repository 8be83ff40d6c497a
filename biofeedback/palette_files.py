"""Palette files: where they are looked for, and how recordings name them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from biofeedback.settings import palettes_folder
from generator.state import PALETTE_SUFFIXES, Piece, is_palette_file


def located(palette: str) -> str:
    """Return a palette's name as it is, and a palette file as an absolute path.

    A file that is not where its path says is looked for in the settings folder, by its name. If it is not
    there either, its path is returned as it is, so that whoever reads it says that it is missing.
    """
    if not is_palette_file(palette):
        return palette
    for path in (Path(palette), palettes_folder() / recorded_name(palette)):
        if path.is_file():
            return str(path.absolute())
    return palette


def recorded_name(palette: str) -> str:
    """Return a palette as recordings name it: a file without its folder, which may hold a person's name."""
    return palette.replace("\\", "/").rpartition("/")[2]


def recorded_piece(piece: Piece) -> dict[str, Any]:
    """Return a piece's constants as they are recorded."""
    return {**asdict(piece), "palette": recorded_name(piece.palette)}


def palette_files() -> tuple[Path, ...]:
    """Return the palette files in the settings folder, in the order of their names."""
    folder = palettes_folder()
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.suffix.lower() in PALETTE_SUFFIXES))

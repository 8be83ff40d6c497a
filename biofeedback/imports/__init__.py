"""Recordings of other programs as sessions to review."""

from biofeedback.imports.files import look_into
from biofeedback.imports.session import Imported, import_recordings

__all__ = ["Imported", "import_recordings", "look_into"]

"""Recordings of other programs, imported as sessions for review."""

from biofeedback.imports.files import read_recorded_file
from biofeedback.imports.session import ImportResult, import_recordings

__all__ = ["ImportResult", "import_recordings", "read_recorded_file"]

"""Sensors, recordings and the virtual listener: everything that delivers physiological samples."""

from acquisition.files.recordings import RecordingSource, missing_stretches
from acquisition.sources import open_sources

__all__ = ["RecordingSource", "missing_stretches", "open_sources"]

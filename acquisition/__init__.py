"""Sources of physiological signals: sensors, recordings and the virtual listener."""

from acquisition.files.recordings import RecordingSource, missing_stretches
from acquisition.sources import open_sources

__all__ = ["RecordingSource", "missing_stretches", "open_sources"]

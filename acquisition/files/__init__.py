"""Recordings: readers of file formats, and recorded signals as sources."""

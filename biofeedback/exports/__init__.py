"""Sessions in open formats, de-identified by default, and the check that proves it."""

from biofeedback.exports.consent import StoreEntry
from biofeedback.exports.deidentification import IdentifierFinding, find_identifiers
from biofeedback.exports.export import FORMATS, ExportRequest, ExportResult, Format, export

__all__ = [
    "FORMATS",
    "ExportRequest",
    "ExportResult",
    "Format",
    "IdentifierFinding",
    "StoreEntry",
    "export",
    "find_identifiers",
]

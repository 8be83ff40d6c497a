"""Sessions in open formats, de-identified by default, and the check that proves it."""

from biofeedback.exports.check import Finding, deidentified
from biofeedback.exports.consent import StoreEntry
from biofeedback.exports.export import FORMATS, Exported, Format, Order, export

__all__ = ["FORMATS", "Exported", "Finding", "Format", "Order", "StoreEntry", "deidentified", "export"]

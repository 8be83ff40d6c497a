"""The page a therapist or clinician reviews after a session."""

from biofeedback.report.page import write_report

__all__ = ["write_report"]

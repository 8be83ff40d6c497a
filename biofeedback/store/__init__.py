"""What is kept of clients, consents, protocols and sessions, in SQL beside the recordings."""

from biofeedback.store.store import Store

__all__ = ["Store"]

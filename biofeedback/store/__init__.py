"""Clients, consents, protocols, sensor set-ups, sessions and the audit, in SQL beside the recordings."""

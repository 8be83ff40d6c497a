"""Routers of the engine's HTTP interface."""

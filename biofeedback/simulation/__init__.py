"""Protocols tried on virtual listeners in virtual time, without sound."""

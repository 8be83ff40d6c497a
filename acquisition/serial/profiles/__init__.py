"""Profiles of serial devices. Every module in this package that defines `PROFILES` adds profiles.

A new device is one new file; docs/sensors.md describes its content.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from acquisition.serial.profiles.profile import Profile

__all__ = ["Profile", "known_profiles"]


def known_profiles() -> dict[str, Profile]:
    """Return all profiles by name, sorted.

    >>> known_profiles()["bitalino"].title
    'BITalino board'
    """
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    profiles: list[Profile] = [profile for module in modules for profile in getattr(module, "PROFILES", ())]
    return {profile.name: profile for profile in sorted(profiles, key=lambda profile: profile.name)}

"""Faults of palette files in words."""

from __future__ import annotations

from biofeedback.settings import palettes_folder
from generator.synthesis.resolved_palette import PaletteFault, PaletteFaultReason, ResolvedPalette


def fault_text(fault: PaletteFault) -> str:
    """Return a fault in one line: where it is, what was wrong and what would be right."""
    where = f"{fault.path}, line {fault.line}" if fault.line else str(fault.path)
    what = " ".join(part for part in (fault.key, fault.detail) if part)
    match fault.reason:
        case PaletteFaultReason.MISSING:
            what = (
                f"there is no such file; give the path of a palette file, or its name if it is in "
                f"{palettes_folder()}"
            )
        case PaletteFaultReason.UNREADABLE:
            what = f"cannot be read: {fault.detail}"
        case PaletteFaultReason.SYNTAX:
            what = f"no YAML: {fault.detail}"
        case PaletteFaultReason.SOUNDFONT | PaletteFaultReason.PRESET | PaletteFaultReason.RANGE:
            what = f"{fault.key}: {fault.detail}"
        case PaletteFaultReason.FIELD:
            pass
    return " ".join(f"{where}: {what}".split())


def instead_text(resolved: ResolvedPalette) -> str:
    """Return the first fault of a palette and what plays instead, in one line; empty if there is none."""
    if resolved.fault is None:
        return ""
    return f"{fault_text(resolved.fault)}. The palette {resolved.instead} plays instead."

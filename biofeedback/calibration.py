"""Calibrations of sound devices: measured levels of the reference noise, kept in the user's settings."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from biofeedback.errors import RecordingError, UsageError
from biofeedback.recording.storage import write_text
from generator.errors import StateError
from generator.synthesis.calibration import Calibration, exposure

UNCALIBRATED = "uncalibrated"


def read_calibration(device: str, path: Path) -> Calibration | None:
    """Return the measurement for a sound device; None if there is none for this one.

    Raises
    ------
    UsageError
        If the file is there but cannot be read, or does not hold calibrations.
    """
    kept = _read(path).get(device)
    if kept is None:
        return None
    try:
        return Calibration(device=device, **{name: float(value) for name, value in kept.items()})
    except (AttributeError, TypeError, ValueError, StateError) as error:
        raise UsageError(f"{path} does not hold a calibration of {device!r}: {error}") from None


def keep_calibration(calibration: Calibration, path: Path) -> None:
    """Add a measurement to the file, in place of an earlier one of the same device.

    Raises
    ------
    UsageError
        If the file cannot be read or written.
    """
    values = asdict(calibration)
    _write({**_read(path), values.pop("device"): values}, path)


def forget_calibration(device: str, path: Path) -> None:
    """Remove the measurement of a sound device from the file, if it has one.

    Raises
    ------
    UsageError
        If the file cannot be read or written.
    """
    kept = _read(path)
    if device in kept:
        _write({name: values for name, values in kept.items() if name != device}, path)


def calibrated_devices(path: Path) -> tuple[str, ...]:
    """Return the names of the sound devices with a measurement in a file.

    Raises
    ------
    UsageError
        If the file cannot be read.
    """
    return tuple(_read(path))


def add_calibrations(source: Path, path: Path) -> tuple[str, ...]:
    """Add another file's measurements of devices that have none here; return the names of these devices.

    Raises
    ------
    UsageError
        If a file cannot be read or written.
    """
    kept = _read(path)
    new = {device: values for device, values in _read(source).items() if device not in kept}
    if new:
        _write({**kept, **new}, path)
    return tuple(new)


def _write(kept: dict[str, Any], path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None
    except RecordingError as error:
        raise UsageError(str(error)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    if not isinstance(kept, dict):
        raise UsageError(f"{path} does not hold calibrations by device")
    return kept


def exposure_record(energy_s: float, seconds: float, calibration: Calibration | None) -> dict[str, Any]:
    """Return what ``session.json`` says of the sound at the listener's ear.

    Parameters
    ----------
    energy_s, seconds : float
        A-weighted energy and length of what was played.
    calibration : Calibration or None
        None where nobody has measured: then there is neither level nor dose.
    """
    if calibration is None:
        return {"calibration": UNCALIBRATED}
    return {"calibration": asdict(calibration), **asdict(exposure(energy_s, seconds, calibration))}

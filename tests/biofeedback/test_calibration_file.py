"""Measurements of loudness: kept by device, and what a session says of them."""

import pytest

from biofeedback.calibration import (
    exposure_record,
    keep_calibration,
    read_calibration,
)
from biofeedback.errors import UsageError
from biofeedback.settings import VARIABLE, calibration_file
from generator.synthesis.calibration import Calibration

HEADPHONES = Calibration(device="Kopfhörer", dba=63.0, noise_dbfs_a=-26.0)


def test_a_measurement_is_kept_for_its_device_and_no_other(tmp_path):
    path = tmp_path / "config" / "calibration.json"
    speakers = Calibration(device="Speakers", dba=58.5, noise_dbfs_a=-26.0)
    assert read_calibration("Kopfhörer", path) is None
    keep_calibration(HEADPHONES, path)
    keep_calibration(speakers, path)
    assert read_calibration("Kopfhörer", path) == HEADPHONES
    assert read_calibration("Speakers", path) == speakers
    assert read_calibration("Monitor", path) is None


def test_a_new_measurement_replaces_the_old_one(tmp_path):
    path = tmp_path / "calibration.json"
    keep_calibration(HEADPHONES, path)
    again = Calibration(device="Kopfhörer", dba=70.0, noise_dbfs_a=-26.0)
    keep_calibration(again, path)
    assert read_calibration("Kopfhörer", path) == again


@pytest.mark.parametrize(
    "text",
    ["", "[1]", '{"Kopfhörer": 3}', '{"Kopfhörer": {"dba": 500, "noise_dbfs_a": -26}}', '{"Kopfhörer": {}}'],
)
def test_a_spoilt_file_is_refused_by_name(tmp_path, text):
    path = tmp_path / "calibration.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"calibration\.json"):
        read_calibration("Kopfhörer", path)


def test_the_environment_can_name_another_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert calibration_file() == tmp_path / "calibration.json"
    monkeypatch.delenv(VARIABLE)
    assert calibration_file().parent != tmp_path
    assert calibration_file().name == "calibration.json"


def test_without_a_measurement_a_session_names_neither_level_nor_dose():
    assert exposure_record(1.0, 600.0, None) == {"calibration": "uncalibrated"}


def test_with_one_it_names_both():
    record = exposure_record(600.0 * 10 ** (-26.0 / 10), 600.0, HEADPHONES)
    assert record["laeq_dba"] == pytest.approx(63.0)
    assert record["adults_percent"] == pytest.approx(100 * 600 / 144_000 * 10**-1.7)
    assert record["calibration"]["device"] == "Kopfhörer"

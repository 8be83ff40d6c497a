"""EDF files, written by pyedflib, as recordings."""

import edfio
import numpy as np
import pyedflib
import pytest

from acquisition.errors import SourceError
from acquisition.files.binary_formats import read_edf
from acquisition.sources import open_sources

ECG = np.round(np.sin(np.arange(2500) / 40), 3)
EDA = 5 + np.arange(40) / 100


@pytest.fixture
def edf(tmp_path):
    path = tmp_path / "aufnahme_ü.edf"
    with pyedflib.EdfWriter(str(path), 2, file_type=pyedflib.FILETYPE_EDFPLUS) as file:
        for number, (label, unit, rate, least, most) in enumerate(
            (("ECG II", "mV", 250, -2.0, 2.0), ("EDA", "uS", 4, 0.0, 20.0))
        ):
            header = {
                "label": label,
                "dimension": unit,
                "sample_frequency": rate,
                "physical_min": least,
                "physical_max": most,
                "digital_min": -32768,
                "digital_max": 32767,
                "transducer": "",
                "prefilter": "",
            }
            file.setSignalHeader(number, header)
        file.writeSamples([ECG, EDA])
        file.writeAnnotation(2.5, -1, "Reiz")
    return path


def test_signals_have_their_labels_units_rates_and_values(edf):
    file = read_edf(edf)
    assert file.signals == (("ECG II", "mV", 250.0), ("EDA", "uS", 4.0))
    assert file.annotations == ((2.5, "Reiz"),)
    ecg, eda = open_sources([f"ecg={edf}:ECG II", f"eda={edf}:1"], seed=0)
    assert (ecg.streams[0].unit, ecg.streams[0].rate_hz) == ("mV", 250.0)
    assert np.abs(ecg.values - ECG).max() <= 4 / 65535
    assert np.abs(eda.values - EDA).max() <= 20 / 65535
    assert ecg.times.tolist() == (np.arange(2500) / 250).tolist()


def test_annotated_gaps_are_missing_and_nothing_else_is(tmp_path):
    digital = np.array([-32768, 0, 1, -32768], np.int16)
    for text, missing in (("gap ECG", [0, 3]), ("another gap", [])):
        signal = edfio.EdfSignal.from_digital(digital, 1, label="ECG", physical_range=(-1, 1))
        path = tmp_path / "gap.edf"
        edfio.Edf([signal], annotations=[edfio.EdfAnnotation(0, 1, text)]).write(path)
        (source,) = open_sources([f"ecg={path}:ECG"], seed=0)
        assert np.flatnonzero(np.isnan(source.values)).tolist() == missing


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("ecg={}:EMG", "has no signal 'EMG'; it has ECG II, EDA"),
        ("ecg={}", "2 signals: say which"),
        ("rr={}:EDA", "no RR intervals"),
        ("ecg={}:ECG II@500", "says 250 Hz"),
    ],
    ids=["unknown", "several", "intervals", "rate"],
)
def test_what_is_not_there_is_refused(edf, spec, says):
    with pytest.raises(SourceError, match=says):
        open_sources([spec.format(edf)], seed=0)


def test_what_is_no_edf_is_refused(tmp_path, edf):
    (tmp_path / "text.edf").write_text("not at all", encoding="utf-8")
    with pytest.raises(SourceError, match="is not an EDF file"):
        read_edf(tmp_path / "text.edf")
    with pytest.raises(SourceError, match="cannot be read"):
        read_edf(tmp_path / "nowhere.edf")
    data = edf.read_bytes()
    assert data.count(b"+4\x14\x14") == 1
    (tmp_path / "holes.edf").write_bytes(
        data.replace(b"+4\x14\x14", b"+5\x14\x14").replace(b"EDF+C", b"EDF+D")
    )
    with pytest.raises(SourceError, match="discontinuous"):
        read_edf(tmp_path / "holes.edf")

"""The program that renders an audition and says how far it is."""

import numpy as np
import pytest
import soundfile as sf

from biofeedback import audition
from generator.audition import AUDITION_S


@pytest.mark.parametrize("name", ["wind", "deep-drone"])
def test_the_program_renders_an_audition_and_prints_the_share_done(name, tmp_path, capsys):
    file = tmp_path / "heard.flac"
    assert audition.main([name, str(file)]) == 0
    sound, rate = sf.read(file)
    assert len(sound) == AUDITION_S * rate
    assert np.std(sound) > 1e-3
    shares = [float(line) for line in capsys.readouterr().out.splitlines()]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 100


def test_the_program_renders_missing_instruments_first(monkeypatch, tmp_path, capsys):
    wanted = []

    def load(resolved, progress):
        wanted.extend(resolved.palette.instruments)
        progress(0.5, wanted[0])

    monkeypatch.setattr(audition, "missing", lambda names, *, verify: names)
    monkeypatch.setattr(audition, "load_samples", load)
    assert audition.main(["felt-piano", str(tmp_path / "heard.flac")]) == 0
    shares = [float(line) for line in capsys.readouterr().out.splitlines()]
    assert "felt-piano" in wanted
    assert shares[0] == 0.45
    assert all(share > 0.9 for share in shares[1:])


def test_the_program_says_in_one_line_what_is_wrong(tmp_path, capsys):
    assert audition.main(["wind", str(tmp_path / "none" / "heard.flac")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert audition.main([str(tmp_path / "mine.yaml"), str(tmp_path / "heard.flac")]) == 2
    assert "there is no such file" in capsys.readouterr().err

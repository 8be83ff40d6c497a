"""Fixtures for what sounds."""

import pytest

from generator.synthesis.sample_cache import SampleLibrary
from tests.generator.synthesis.sampled_tones import stand_in_sets


@pytest.fixture
def of_sines(monkeypatch):
    """Let all instruments play sines."""

    def load_samples(resolved, **_):
        return SampleLibrary(sets=stand_in_sets(resolved.palette))

    monkeypatch.setattr("generator.synthesis.synth.load_samples", load_samples)

"""What all tests share: folders of their own, and no limits that depend on how busy the machine is."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from biofeedback.settings import DATA_VARIABLE, VARIABLE
from generator.synthesis.sample_cache import CACHE_VARIABLE, load

# The parent is Hypothesis' own choice: where CI=true is set, it tries the same examples at every run.
settings.register_profile(
    "any-load", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-load")

ROOT = Path(__file__).resolve().parents[1]

CACHE = ROOT / "build" / "cache"
"""Of the samples: they take a minute to be rendered, once for all runs of the tests."""

PLAYING = (
    *("e2e", "test_examples.py", "test_readme.py", "test_wheel.py", "tools"),
    *("biofeedback/report", "biofeedback/service", "biofeedback/test_replay.py"),
    *("biofeedback/test_session_refusals.py", "generator/live", "generator/test_render.py"),
    *("generator/test_virtual_player.py", "generator/synthesis/test_palettes.py"),
    *("biofeedback/cli/test_auditions.py", "biofeedback/test_audition_program.py"),
    *("generator/synthesis/test_synth.py", "generator/synthesis/test_volume.py"),
    "benchmarks/test_timbre_figures.py",
)
"""Tests that play music; the others do without the samples."""

MOST_TRIES = 5
SLEEPS_LONG = 20

Result = TypeVar("Result")


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point the program to empty folders, in this process and in those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("user")
        patch.setenv(DATA_VARIABLE, str(folder / "data"))
        patch.setenv(VARIABLE, str(folder / "settings"))
        patch.setenv(CACHE_VARIABLE, str(CACHE))
        yield


@pytest.fixture(scope="session")
def samples(own_folders: None, worker_id: str) -> None:
    """Render the samples that the cache lacks; a second worker begins at the other end."""
    from generator.synthesis.instruments.catalog import INSTRUMENTS  # noqa: PLC0415 - loads SciPy

    names = list(INSTRUMENTS)
    load(names[::-1] if worker_id == "gw1" else names)


@pytest.fixture(scope="module", autouse=True)
def samples_for_music(request: pytest.FixtureRequest) -> None:
    """Have the samples there before the first test of a module that plays music."""
    path = request.path.relative_to(ROOT / "tests")
    if any(path.is_relative_to(playing) for playing in PLAYING):
        request.getfixturevalue("samples")


@pytest.fixture(scope="session")
def repeat_while_late() -> Callable[[Callable[[int], Result], Callable[[], bool]], Result]:
    """Return a function that does something in real time again if it failed and was late.

    It takes what is to be done, given the number of the attempt, and whether the product's own record says
    that the machine did not keep time in this attempt. A failure in time, and the fifth one, is a failure.
    """

    def repeat(attempt: Callable[[int], Result], late: Callable[[], bool]) -> Result:
        for number in range(1, MOST_TRIES):
            try:
                return attempt(number)
            except AssertionError:
                if not late():
                    raise
        return attempt(MOST_TRIES)

    return repeat


@pytest.fixture(scope="session")
def waits_for_work() -> Callable[[int], bool]:
    """Return whether a process has started and waits: it slept whenever it was asked for, 20 times."""
    slept: Counter[int] = Counter()

    def waits(pid: int) -> bool:
        if sys.platform != "linux":
            return True
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        slept[pid] = slept[pid] + 1 if state == "S" else 0
        return slept[pid] >= SLEEPS_LONG

    return waits

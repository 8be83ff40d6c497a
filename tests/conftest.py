"""What all tests share: folders of their own, and no limits that depend on how busy the machine is."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from biofeedback.settings import DATA_VARIABLE, VARIABLE

# The parent is Hypothesis' own choice: where CI=true is set, it tries the same examples at every run.
settings.register_profile(
    "any-load", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-load")

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
        yield


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

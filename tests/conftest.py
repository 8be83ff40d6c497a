"""What all tests share: folders of their own, and no limits that depend on how busy the machine is."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from biofeedback.settings import DATA_VARIABLE, VARIABLE

# The parent is Hypothesis' own choice: where CI=true is set, it tries the same examples at every run.
settings.register_profile(
    "any-load", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-load")


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point the program to empty folders, in this process and in those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("user")
        patch.setenv(DATA_VARIABLE, str(folder / "data"))
        patch.setenv(VARIABLE, str(folder / "settings"))
        yield

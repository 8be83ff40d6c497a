"""Keeps every test away from the data and the settings of whoever runs it."""

from collections.abc import Iterator

import pytest

from biofeedback.settings import DATA_VARIABLE, VARIABLE


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Point the program to empty folders, in this process and in those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("user")
        patch.setenv(DATA_VARIABLE, str(folder / "data"))
        patch.setenv(VARIABLE, str(folder / "settings"))
        yield

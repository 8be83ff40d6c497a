"""How the engine's application answers what fails within it."""

import asyncio

import httpx
import pytest

from biofeedback.errors import NotFoundError, StoreError, UsageError
from biofeedback.service.app import make_app
from biofeedback.service.audition_renderer import AuditionRenderer
from biofeedback.service.auth import Keys
from biofeedback.service.live_feed import Broadcaster
from biofeedback.service.renderers import PreviewRenderer, ReportRenderer


class FailingHost:
    """A host whose arc cannot be told."""

    def __init__(self, error):
        self._error = error

    def arc(self):
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (UsageError("give inputs"), 422, "give inputs"),
        (NotFoundError("there is no client 'C'"), 404, "there is no client 'C'"),
        (StoreError("the store is locked"), 503, "the store is locked"),
        (OSError(28, "No space left on device", "/home/anna/secret"), 500, "OSError"),
        (ValueError("secret"), 500, "ValueError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_error_has_its_status(error, status, told):
    app = make_app(
        FailingHost(error),
        Broadcaster(),
        None,
        Keys(1),
        previews=PreviewRenderer(),
        auditions=AuditionRenderer(),
        reports=ReportRenderer(),
        version="1",
    )

    async def ask():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            return await http.get("/arc")

    answer = asyncio.run(ask())
    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert "secret" not in answer.text

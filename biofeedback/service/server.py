"""The engine as a process: the host on the main thread, the server in another."""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from os import getpid
from pathlib import Path
from types import FrameType

import pylsl
import uvicorn
from starlette.types import ASGIApp

from biofeedback.local_guard import HOSTS, LocalGuard, bound_socket
from biofeedback.service.app import make_app
from biofeedback.service.audition_renderer import AuditionRenderer
from biofeedback.service.auth import MAX_BODY_BYTES, Keys, Page
from biofeedback.service.command_queue import in_background
from biofeedback.service.endpoint_file import EngineEndpoint, engine_lock, write_endpoint
from biofeedback.service.error_log import RedactingFormatter
from biofeedback.service.live_feed import Broadcaster
from biofeedback.service.renderers import InstrumentRenderer, PreviewRenderer, ReportRenderer
from biofeedback.service.session_host import SessionHost
from biofeedback.store.store import Store

MOST_CONNECTIONS = 256


def serve(folder: Path, port: int, announce: Callable[[str, Callable[[Page], str]], None]) -> None:
    """Run the engine of a data folder until Ctrl-C or a signal.

    Parameters
    ----------
    folder : Path
        The data folder.
    port : int
        To listen on; 0 for any that is free.
    announce : callable
        Called with the engine's address, once it answers, and the function that makes links to its pages.

    Raises
    ------
    UsageError
        If an engine is running for this folder already.
    OSError
        If the port is taken.
    """
    with (
        engine_lock(folder),
        bound_socket(port) as listener,
        Store.open(folder, now=lambda: datetime.now(UTC).astimezone()) as store,
        PreviewRenderer() as previews,
        AuditionRenderer() as auditions,
        InstrumentRenderer() as instruments,
    ):
        broadcaster = Broadcaster()
        version = metadata.version("biofeedback-music")
        reports = ReportRenderer()
        host = SessionHost(store, reports, instruments, broadcaster, clock=pylsl.local_clock, version=version)
        bound = listener.getsockname()[1]
        keys = Keys(bound)
        app = LocalGuard(
            make_app(
                host,
                broadcaster,
                store,
                keys,
                previews=previews,
                auditions=auditions,
                reports=reports,
                version=version,
            ),
            port=bound,
            admit=keys.admit,
            max_body_bytes=MAX_BODY_BYTES,
        )
        with _serving(app, listener), _signals(host):
            url = f"http://{HOSTS[0]}:{bound}"
            write_endpoint(folder, EngineEndpoint(url=url, token=keys.token, pid=getpid()))
            announce(url, keys.link)
            in_background(_import_signal_processing)
            host.serve()


def _import_signal_processing() -> None:
    """Import what a session needs before the first one asks for it."""
    from biofeedback.service import preparation  # noqa: F401, PLC0415


class _Server(uvicorn.Server):
    """Leaves signals to the host, which ends the session first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextmanager
def _serving(app: ASGIApp, listener: socket.socket) -> Iterator[None]:
    """Answer requests in another thread while the context lasts, from the moment it begins.

    Raises
    ------
    OSError
        If the server does not start.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        lifespan="off",
        limit_concurrency=MOST_CONNECTIONS,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
        ws_max_size=65_536,
        ws_per_message_deflate=False,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="server", daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise OSError("the server did not start; the log says why")
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join(5.0)


@contextmanager
def _signals(host: SessionHost) -> Iterator[None]:
    def leave(_signal: int, _frame: FrameType | None) -> None:
        host.leave()

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def log_to_stderr() -> None:
    """Let the engine's log go where the process was started; it holds no names, texts or tokens."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])

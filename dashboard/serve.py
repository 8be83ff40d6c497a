"""Serve the dashboard on 127.0.0.1, with an engine behind it."""

from __future__ import annotations

import gc
import hashlib
import hmac
import sys
import webbrowser
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import uvicorn

from biofeedback.client import EngineClient, EngineError, read_endpoint, start_engine
from biofeedback.local_guard import HOSTS, bound_socket
from dashboard.palette import COLOURS
from dashboard.texts import text

STREAMLIT = {
    "browser_gatherUsageStats": False,
    "client_showErrorDetails": "none",
    "client_showErrorLinks": False,
    "client_toolbarMode": "minimal",
    "global_developmentMode": False,
    "logger_level": "warning",
    "server_fileWatcherType": "none",
    "server_headless": True,
    "theme_base": "light",
    "theme_backgroundColor": COLOURS["ground"],
    "theme_secondaryBackgroundColor": COLOURS["surface"],
    "theme_primaryColor": COLOURS["accent"],
    "theme_textColor": COLOURS["ink"],
    "theme_borderColor": COLOURS["edge"],
    "theme_showWidgetBorder": True,
    "theme_blueBackgroundColor": COLOURS["accent-soft"],
    "theme_blueTextColor": COLOURS["accent-deep"],
    "theme_greenBackgroundColor": COLOURS["good-soft"],
    "theme_greenTextColor": COLOURS["good"],
    "theme_redBackgroundColor": COLOURS["lost-soft"],
    "theme_redTextColor": COLOURS["lost"],
    "theme_yellowBackgroundColor": COLOURS["doubtful-soft"],
    "theme_yellowTextColor": COLOURS["doubtful"],
}
"""Streamlit's settings, as its own command line hands them over."""
GRACE_S = 2
"""How long open pages may take to let go at the end."""

SWITCH_S = 0.001
"""How long a page's script keeps the interpreter before a STOP that waits gets its turn."""


def serve(folder: Path, *, port: int, browser: bool) -> None:
    """Serve until interrupted; what goes wrong is said in one line.

    Parameters
    ----------
    folder : Path
        The data folder; an engine is started for it where none runs, and outlives the dashboard.
    port : int
        Where to listen; 0 for any port that is free.
    browser : bool
        Whether the default browser is opened.
    """
    sys.setswitchinterval(SWITCH_S)
    try:
        listening = bound_socket(port)
    except OSError as error:
        _refuse(text("serve.port", port=port, why=error.strerror))
    with listening:
        port = listening.getsockname()[1]
        # Streamlit takes seconds to import, and so does the engine to start: at the same time.
        with ThreadPoolExecutor(1) as pool:
            starting = pool.submit(start_engine, folder)
            from streamlit.web import bootstrap  # noqa: PLC0415

            from dashboard.app import build  # noqa: PLC0415
        try:
            engine = starting.result()
        except (EngineError, OSError) as error:
            _refuse(text("serve.engine", why=error))
        key = _key_of(engine, folder)
        engine.close()
        listening.listen()
        address = f"http://{HOSTS[0]}:{port}/?key={key}"
        print(text("serve.address", address=address), flush=True)  # noqa: T201 - the user needs it
        if browser:
            webbrowser.open(address)
        bootstrap.load_config_options(STREAMLIT)
        app = build(lambda: read_endpoint(folder), key=key, port=port)
        config = uvicorn.Config(
            app, log_level="warning", ws_ping_interval=None, timeout_graceful_shutdown=GRACE_S
        )
        # Streamlit collects garbage after every run of a script: a STOP would wait while it looks through all
        # that was imported.
        gc.freeze()
        uvicorn.Server(config).run(sockets=[listening])


def _key_of(engine: EngineClient, folder: Path) -> str:
    """Return the key of the address: the same while the engine lives, so that open pages stay admitted."""
    found = read_endpoint(folder)
    secret = found.token if found else engine.url
    return hmac.new(secret.encode(), b"dashboard", hashlib.sha256).hexdigest()[:32]


def _refuse(words: str) -> NoReturn:
    print(words, file=sys.stderr)  # noqa: T201 - one line for the user
    sys.exit(2)

"""The Python client of the engine, for the dashboard and for scripts.

>>> from pathlib import Path
>>> from biofeedback.client import start_engine
>>> with start_engine(Path("data")) as engine:  # doctest: +SKIP
...     engine.command("prepare", protocol="isoprinciple-relaxation", inputs=["listener=virtual:responder"])
...     engine.wait_for("prepared")
...     engine.command("start", cautions_confirmed=True)
...     engine.state().session.snapshot.why

The contract between the engine and its clients:

- **Address.** ``engine.json`` in the data folder holds ``url``, ``token`` and ``pid``; `connect` reads it.
  Every request carries ``Authorization: Bearer TOKEN``; a browser never sees the token.
- **Stages.** ``state().engine.stage``: ``idle`` → ``preparing`` → ``prepared`` (→ ``checking`` →
  ``sound check`` → ``ready``, optional and in any order) → ``running`` → ``closing`` → ``closed`` →
  (``close``) ``idle``. See `biofeedback.service.requests`. ``prepare`` and ``start`` are answered at once and
  take seconds: read the stage. Where ``prepare`` fails, the stage is ``idle`` again and ``engine.trouble``
  says why.
- **Session.** It is None while idle. Its `Snapshot` exists from ``prepared`` on (lifecycle ``waiting``,
  ``plan`` as foreseen) and stays after the end.
- **Commands** are dictionaries ``{"name": ...}``: those of `biofeedback.commands` and of
  `biofeedback.service.requests`. A command that does not apply is answered with ``accepted`` false and why.
- **Live frames** arrive 20 times a second from ``prepared`` on; see `EngineClient.live` and `LiveFrame`.
  Regular signals are reduced to at most 125 values a second and keep every peak. A slow reader loses the
  oldest frames.
- **Resources.** There is one method per endpoint of clients, protocols, set-ups, sources and sessions.
- **Origin.** A command with the header ``X-Origin: listener`` is recorded as the listener's; only ``hold`` is
  accepted so. `EngineClient.link` opens the engine's own listener page and stop page.

Every error is an `EngineError`::

    EngineError
    ├── EngineUnreachableError   no answer: the engine is not running, or the connection broke
    └── EngineAnswerError        the answer is not what this version of the client understands
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar, cast
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import TypeAdapter
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect as open_socket

from biofeedback.errors import BiofeedbackError
from biofeedback.models import LiveFrame
from biofeedback.service.auth import Page
from biofeedback.service.endpoint_file import EngineEndpoint, read_endpoint
from biofeedback.service.requests import PreferencesRequest
from biofeedback.service.schemas import (
    OPTIONS,
    ArcView,
    ClientView,
    Link,
    ProtocolEntry,
    ProtocolFault,
    ProtocolText,
    Reply,
    SessionDetail,
    SessionView,
    SetupView,
    SourceView,
    State,
    Withdrawal,
)
from biofeedback.store.records import SCOPES, Session

_START_S = 60.0
"""Longest wait for a new engine; with cold disks it takes some seconds."""

_ASK_AGAIN_S = 1.0
"""Wait before a command that was not answered yet is given again."""

_TIMEOUT_S = 10.0
_SLOW_S = 300.0
"""Timeout for what the engine computes in another process, and for the search for sensors."""

_T = TypeVar("_T")


class EngineError(BiofeedbackError):
    """The engine refused a request or gave no usable answer; the message says why in one line.

    Attributes
    ----------
    status : int or None
        HTTP status of the answer; None without one.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class _NotAnsweredYetError(EngineError):
    """The engine says to ask again (``Retry-After``)."""


class EngineUnreachableError(EngineError):
    """The engine does not answer, or the connection to it broke."""


class EngineAnswerError(EngineError):
    """The engine's answer is not what this version of the client understands."""


class EngineClient:
    """A client of one engine. Several threads may use it.

    Parameters
    ----------
    url : str
        ``http://127.0.0.1:PORT``.
    token : str
        As in ``engine.json``.
    transport : httpx.BaseTransport, optional
        Carries the requests in place of the network, such as ``httpx.MockTransport``; `live` does not use it.

    Raises
    ------
    EngineError
        By every method.
    """

    def __init__(self, url: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=url,
            headers=self._headers,
            timeout=_TIMEOUT_S,
            transport=transport,
            trust_env=False,
            follow_redirects=False,
        )

    def close(self) -> None:
        """Close the connection; the engine keeps running."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def healthy(self) -> bool:
        """Return whether the engine answers."""
        try:
            return self._http.get("/health").status_code == httpx.codes.OK
        except (httpx.HTTPError, httpx.InvalidURL):
            return False

    def state(self) -> State:
        """Return the state of the engine and its session.

        Raises
        ------
        EngineError
            As every method here, if the engine cannot be reached or refuses.
        """
        return self._get(State, "state")

    def command(self, name: str, *, key: str | None = None, **arguments: Any) -> Reply:
        """Give a command; ``command("volume", db=-6.0)``.

        Parameters
        ----------
        name : str
            Of a command of the session or of the host.
        key : str, optional
            Identifies the command: one sent again with the same key is not carried out twice and has the same
            answer. A new key if it is not given.
        arguments
            Those of the command.

        Notes
        -----
        While the engine is too busy to answer, it is asked again with the same key, for five minutes at most.
        """
        body = {"key": key or str(uuid4()), "command": {"name": name, **arguments}}
        until = time.monotonic() + _SLOW_S
        while True:
            try:
                return self._post(Reply, "commands", **body)
            except _NotAnsweredYetError:
                if time.monotonic() > until:
                    raise
            time.sleep(_ASK_AGAIN_S)

    def wait_for(self, *stages: str, timeout_s: float = 60.0) -> State:
        """Return the state once the engine is in one of these stages.

        Raises
        ------
        EngineError
            If that takes too long; says the stage and what failed.
        """
        deadline = time.monotonic() + timeout_s
        while (state := self.state()).engine.stage not in stages:
            if time.monotonic() > deadline:
                raise EngineError(f"the engine is {state.engine.stage} still; {state.engine.trouble}")
            time.sleep(0.05)
        return state

    def live(self) -> Iterator[LiveFrame]:
        """Yield frames as they come, until the engine closes the connection.

        Raises
        ------
        EngineUnreachableError
            If there is no connection, or it breaks.
        """
        address = self.url.replace("http", "ws", 1) + "/live"
        try:
            with open_socket(
                address, additional_headers=self._headers, compression=None, proxy=None
            ) as connection:
                for text in connection:
                    yield _decode(lambda content: cast("LiveFrame", json.loads(content)), text)
        except InvalidStatus as error:
            status = error.response.status_code
            raise EngineError(f"the engine answered {status}", status) from None
        except (OSError, WebSocketException) as error:
            raise EngineUnreachableError(f"the live connection to the engine broke: {error}") from None

    def link(self, page: Page) -> str:
        """Return an address that opens ``stop`` or ``listener`` once, in the browser that opens it first."""
        return self._post(Link, "links", page=page).url

    def clients(self) -> tuple[ClientView, ...]:
        """Return all clients, by code."""
        return self._get(tuple[ClientView, ...], "clients")

    def client(self, code: str) -> ClientView:
        """Return a client."""
        return self._get(ClientView, "clients", code)

    def add_client(self, code: str, **about: Any) -> ClientView:
        """Add a client; `about`: preferences, volume_db, cautions, goals, as in `ClientView`."""
        return self._post(ClientView, "clients", code=code, **about)

    def change_client(self, code: str, **about: Any) -> ClientView:
        """Change what is given of a client."""
        return self._read(ClientView, "PATCH", "clients", code, json=about)

    def give_consent(
        self,
        code: str,
        version: str,
        scopes: Sequence[str] = OPTIONS.needed_scopes,
        *,
        keep_days: int | None = None,
    ) -> ClientView:
        """Record a client's consent, in place of the one before."""
        return self._post(
            ClientView, "clients", code, "consents", version=version, scopes=list(scopes), keep_days=keep_days
        )

    def what_withdrawal_does(self, code: str, scopes: Sequence[str]) -> tuple[str, ...]:
        """Return in sentences what a withdrawal would do: without ``storage`` recordings are deleted."""
        return self._withdrawal(code, scopes, carry_out=False)

    def withdraw_consent(self, code: str, scopes: Sequence[str]) -> tuple[str, ...]:
        """Withdraw consent; return in sentences what was done. It cannot be undone."""
        return self._withdrawal(code, scopes, carry_out=True)

    def _withdrawal(self, code: str, scopes: Sequence[str], *, carry_out: bool) -> tuple[str, ...]:
        return self._post(
            Withdrawal, "clients", code, "consents", "withdrawal", scopes=list(scopes), carry_out=carry_out
        ).sentences

    def protocols(self) -> tuple[ProtocolEntry, ...]:
        """Return the protocols that can be named: kept versions, newest first; then the built-in ones."""
        return self._get(tuple[ProtocolEntry, ...], "protocols")

    def protocol_text(self, name: str, version: int | None = None) -> str:
        """Return a protocol as YAML: the kept one of that or the newest version, else the built-in one."""
        query = {} if version is None else {"version": str(version)}
        return self._get(ProtocolText, "protocols", name, **query).text

    def check_protocol(self, text: str) -> tuple[ProtocolFault, ...]:
        """Return all that is wrong with a protocol, in the order of its lines."""
        return self._post(tuple[ProtocolFault, ...], "protocols", "check", text=text)

    def save_protocol(self, text: str) -> ProtocolEntry:
        """Keep a protocol under its own id and version; refused where that was used with another text."""
        return self._post(ProtocolEntry, "protocols", text=text)

    def protocol_arc(self, text: str, *, hr_bpm: float = 72.0) -> ArcView:
        """Return what a protocol plans for a listener of a steady heart rate."""
        return self._post(ArcView, "protocols", "arc", text=text, hr_bpm=hr_bpm)

    def arc(self) -> ArcView:
        """Return what the session plans for its listener, and the tempo that was asked for so far."""
        return self._get(ArcView, "arc")

    def listen(self, text: str, *, hr_bpm: float = 72.0) -> bytes:
        """Return half a minute of what a protocol plans (WAV), in fast motion; takes seconds."""
        body = {"text": text, "hr_bpm": hr_bpm}
        return self._request("POST", "protocols", "listen.wav", json=body, timeout=_SLOW_S).content

    def audition(self, name: str) -> bytes:
        """Return 20 s of a palette, a palette file or a nature sound (FLAC); the first takes a minute."""
        body = {"name": name}
        return self._request("POST", "palettes", "audition.flac", json=body, timeout=_SLOW_S).content

    def palette_files(self) -> tuple[str, ...]:
        """Return the names of the palette files in the settings folder; preferences may name them."""
        return self._get(tuple[str, ...], "palettes", "files")

    def setups(self) -> tuple[SetupView, ...]:
        """Return the sensor set-ups that can be named."""
        return self._get(tuple[SetupView, ...], "setups")

    def save_setup(
        self, name: str, title: str, inputs: Sequence[str], **optional: str | dict[str, Any] | None
    ) -> SetupView:
        """Save a sensor set-up, or change the one of that name.

        ``note`` and ``expect`` (by stream: ``rate_hz``, ``unit``) stay where they are left out; None clears.
        """
        return self._post(SetupView, "setups", name=name, title=title, inputs=list(inputs), **optional)

    def sources(self) -> tuple[SourceView, ...]:
        """Look for sensors and sound devices; takes some seconds."""
        return self._read(tuple[SourceView, ...], "GET", "sources", timeout=_SLOW_S)

    def sessions(
        self, search: str = "", client: str = "", *, limit: int = 200, offset: int = 0
    ) -> tuple[Session, ...]:
        """Return sessions, the newest first: with these words, of this client."""
        query = {"search": search, "client": client, "limit": limit, "offset": offset}
        return self._read(tuple[Session, ...], "GET", "sessions", params=query)

    def session(self, session_id: str) -> SessionDetail:
        """Return a session, by its id or the name of its directory."""
        return self._get(SessionDetail, "sessions", session_id)

    def report(self, session_id: str) -> str:
        """Return a session's report (HTML); written first, in some seconds, where there is none yet."""
        return self._request("GET", "sessions", session_id, "report", timeout=_SLOW_S).text

    def file(self, session_id: str, name: str) -> bytes:
        """Return a file of a session; `SessionDetail.files` names those there are."""
        return self._request("GET", "sessions", session_id, "files", name).content

    def add_note(self, session_id: str, text: str, *, severity: str | None = None) -> SessionDetail:
        """Write a note on a session, or with a severity an adverse event."""
        return self._post(SessionDetail, "sessions", session_id, "notes", text=text, severity=severity)

    def add_rating(self, session_id: str, scale: str, value: float | None) -> SessionDetail:
        """Record a client's rating after the session; None if they declined."""
        return self._post(SessionDetail, "sessions", session_id, "ratings", scale=scale, value=value)

    def _get(self, kind: type[_T], *path: str, **query: str) -> _T:
        return self._read(kind, "GET", *path, params=query)

    def _post(self, kind: type[_T], *path: str, **body: Any) -> _T:
        return self._read(kind, "POST", *path, json=body)

    def _read(self, kind: type[_T], method: str, *path: str, **content: Any) -> _T:
        """Send a request and return its answer as an object of that type."""
        return _decode(TypeAdapter(kind).validate_json, self._request(method, *path, **content).content)

    def _request(self, method: str, *path: str, **content: Any) -> httpx.Response:
        url = "/".join(quote(part, safe="") for part in path)
        try:
            response = self._http.request(method, url, **content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EngineUnreachableError(f"the engine cannot be reached: {error}") from None
        if response.is_error:
            kind = _NotAnsweredYetError if "Retry-After" in response.headers else EngineError
            raise kind(_detail(response), response.status_code)
        return response


def connect(data_folder: Path) -> EngineClient | None:
    """Return a client of the engine that runs for a data folder; None if none does."""
    found = read_endpoint(data_folder)
    if found is None:
        return None
    client = EngineClient(found.url, found.token)
    if client.healthy():
        return client
    client.close()
    return None


def start_engine(data_folder: Path, *, port: int = 0) -> EngineClient:
    """Start an engine for a data folder, in a process that outlives this one, and return its client.

    If one runs already, return a client of that one.

    Raises
    ------
    EngineError
        If it does not answer in time, or ends at once; with its last words.
    """
    if (client := connect(data_folder)) is not None:
        return client
    log = data_folder / "engine.log"
    command = [sys.executable, "-P", "-m", "biofeedback", "engine"]
    try:
        data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("ab") as words:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*command, "--data", str(data_folder), "--port", str(port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                start_new_session=True,
            )
    except OSError as error:
        raise EngineError(
            f"the engine cannot be started in {data_folder}: {error.strerror or error}"
        ) from None
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if (client := connect(data_folder)) is not None:
            return client
        if process.poll() is not None:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise EngineError(f"the engine did not start: {' '.join(last)}")
        time.sleep(0.1)
    raise EngineError(f"the engine did not answer within {_START_S:g} s")


def _decode(read: Callable[[bytes | str], _T], content: bytes | str) -> _T:
    """Return what an answer holds.

    Raises
    ------
    EngineAnswerError
        If it does not have the form that this client knows.
    """
    try:
        return read(content)
    except ValueError as error:  # pydantic's ValidationError is one
        first = str(error).splitlines()[0]
        raise EngineAnswerError(f"the engine's answer cannot be understood: {first}") from None


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the engine answered {response.status_code}"


__all__ = [
    "OPTIONS",
    "SCOPES",
    "ArcView",
    "ClientView",
    "EngineAnswerError",
    "EngineClient",
    "EngineEndpoint",
    "EngineError",
    "EngineUnreachableError",
    "LiveFrame",
    "Page",
    "PreferencesRequest",
    "ProtocolEntry",
    "ProtocolFault",
    "Reply",
    "Session",
    "SessionDetail",
    "SessionView",
    "SetupView",
    "SourceView",
    "State",
    "connect",
    "read_endpoint",
    "start_engine",
]

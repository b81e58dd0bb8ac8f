"""HTTP requests to addresses that users enter: to public addresses only, with limits of time and size.

A name is resolved once, and the connection goes to the address that was checked, so that a name whose address changes
meanwhile leads nowhere else. Redirects and the proxies of the environment are not followed.
"""

import contextlib
import ipaddress
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

TIMEOUT_SECONDS, DEADLINE_SECONDS = 5, 10  # without an answer, and for a whole request
MAX_BYTES = 512 * 1024
DOCUMENT_SECONDS = 600  # in which a document is not fetched again
RETRY_SECONDS = 30  # between two fetches of a document in which something was not found
WAIT_SECONDS = 2  # for a fetch of the same document by another thread
STALE_SECONDS = 24 * 3600  # in which a document is used that can't be fetched again
_sockets: ContextVar[list[socket.socket] | None] = ContextVar("sockets", default=None)
_T = TypeVar("_T")


class AddressForbidden(NewConnectionError):
    """The name leads to an address in a private network."""


def is_public(address: str) -> bool:
    """Return whether an IP address is one of the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return bool(mapped.is_global and ip.is_global and not mapped.is_multicast and not ip.is_multicast)


class _HTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _HTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(HTTPAdapter):
    """An adapter that connects to public addresses, and reads no more than ``MAX_BYTES``."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request. Raises requests.RequestException, also for answers that are too slow or too large."""
        if not (str(request.url).startswith("https://") or settings.OUTBOUND_PRIVATE_NETWORKS):
            raise requests.exceptions.InvalidSchema("the address must begin with https://")
        with _enforce_deadline():
            response = super().send(request, *args, **kwargs | {"stream": True, "timeout": TIMEOUT_SECONDS})
            response._content = _read(response)  # noqa: SLF001
        return response


def open_session() -> requests.Session:
    """Return a session for a few requests to addresses that users entered."""
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    session.mount("https://", _Adapter())
    session.mount("http://", _Adapter())
    return session


def get_document(url: str) -> dict[str, Any]:
    """Fetch a JSON object. Raises requests.RequestException."""
    with open_session() as session:
        response = session.get(url, headers={"Accept": "application/json"}, allow_redirects=False)
    if response.status_code != requests.codes.ok:
        raise requests.HTTPError(f"status {response.status_code}", response=response)
    document = response.json()
    if not isinstance(document, dict):
        raise requests.exceptions.InvalidJSONError("not an object", response=response)
    return document


class DocumentCache(Generic[_T]):
    """Documents at addresses that users entered, parsed once and kept by this process for ``DOCUMENT_SECONDS``."""

    def __init__(self, parse: Callable[[dict[str, Any]], _T], *, size: int = 1000) -> None:
        self._parse, self._size = parse, size
        self._tried_at: dict[str, float] = {}
        self._running: dict[str, threading.Event] = {}
        self._entries: dict[str, tuple[float, _T]] = {}
        self._lock = threading.Lock()

    def get(self, url: str, *, max_age: float = DOCUMENT_SECONDS) -> _T:
        """Return the document at ``url``, fetched at most ``max_age`` seconds ago. Raises requests.RequestException.

        The parser raises ValueError, KeyError or TypeError for a document that it can't use, which is one, too.
        """
        entry = self._entries.get(url)
        if entry is not None and time.monotonic() - entry[0] < max_age:
            return entry[1]
        try:
            document = self._parse(get_document(url))
        except (ValueError, KeyError, TypeError) as error:
            raise requests.exceptions.InvalidJSONError(f"unusable document: {error}") from error
        with self._lock:
            if len(self._entries) >= self._size:
                self._entries.clear()
            self._entries[url] = (time.monotonic(), document)
        return document

    def get_bounded(self, url: str, *, is_enough: Callable[[_T], bool]) -> _T:
        """Return the document at ``url`` for a token, which anybody can send.

        It is fetched if there is none, if it is older than ``DOCUMENT_SECONDS`` or isn't enough, but whatever happens
        at most once in ``RETRY_SECONDS`` and by one thread. Others, to which the document of before isn't enough, wait
        for it up to ``WAIT_SECONDS``. That of before is used for ``STALE_SECONDS`` if there is no other. Raises
        requests.RequestException if there is none.
        """
        entry, now = self._entries.get(url), time.monotonic()
        if entry is None or now - entry[0] >= DOCUMENT_SECONDS or not is_enough(entry[1]):
            with self._lock:
                is_due = now - self._tried_at.get(url, -math.inf) >= RETRY_SECONDS
                if is_due:
                    if len(self._tried_at) >= self._size:
                        self._tried_at.clear()
                    self._tried_at[url] = now
                    self._running[url] = threading.Event()
                running = self._running.get(url)
            if is_due:
                try:
                    with contextlib.suppress(requests.RequestException):
                        return self.get(url, max_age=0)
                finally:
                    with self._lock:
                        self._running.pop(url).set()
            elif running is not None and (entry is None or not is_enough(entry[1])):
                running.wait(WAIT_SECONDS)
                entry = self._entries.get(url)
        if entry is None or now - entry[0] >= STALE_SECONDS:
            raise requests.ConnectionError("the document can't be fetched")
        return entry[1]

    def clear(self) -> None:
        """Forget all documents."""
        self._entries.clear()
        self._tried_at.clear()


def _connect(connection: HTTPConnection) -> socket.socket:
    host, port = connection.host, connection.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, f"{host} was not found") from error
    problem: Exception = AddressForbidden(connection, f"{host} is in a private network")
    for family, kind, protocol, _name, address in found:
        if not (is_public(str(address[0])) or settings.OUTBOUND_PRIVATE_NETWORKS):
            continue
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(TIMEOUT_SECONDS)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            problem = NewConnectionError(connection, f"no connection to {host}: {error}")
            continue
        opened = _sockets.get()
        if opened is not None:
            opened.append(socket.socket(fileno=os.dup(sock.fileno())))  # as TLS detaches the first one
        return sock
    raise problem


@contextlib.contextmanager
def _enforce_deadline() -> Iterator[None]:
    """End the connections that are opened inside after ``DEADLINE_SECONDS``."""
    opened: list[socket.socket] = []
    token = _sockets.set(opened)

    def shut_down() -> None:
        for sock in opened:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(DEADLINE_SECONDS, shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        _sockets.reset(token)
        for sock in opened:
            sock.close()


def _read(response: requests.Response) -> bytes:
    try:
        content: bytes = response.raw.read(MAX_BYTES + 1, decode_content=True)
    except (HTTPError, OSError) as error:
        raise requests.ConnectionError(f"the answer ended early: {error}") from error
    if len(content) > MAX_BYTES:
        raise requests.exceptions.ContentDecodingError("the answer is too large")
    return content

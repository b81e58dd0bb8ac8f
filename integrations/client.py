"""One HTTP call to a service outside: a few seconds at most, its certificate verified, no redirect followed.

Every way in which a call can go wrong is a NotTaken with its reason in words.
"""

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from integrations import rules
from integrations.contracts import DeliveryFailed, RunClock, Service
from integrations.services import circuit_breaker

SECONDS = 5.0
MAX_RESPONSE_BYTES = 1024 * 1024


class Client:
    """Calls a service below ``url``, with ``key`` as the bearer's; asks the breaker before and tells it after."""

    def __init__(self, service: Service, *, url: str, key: str, clock: RunClock, seconds: float = SECONDS) -> None:
        self.service, self.clock, self.seconds, self._key = service, clock, seconds, key
        self._at = urlsplit(url.rstrip("/"))

    def call(self, method: str, path: str, document: object = None, *, key: str) -> dict[str, Any]:
        """What the service answered. ``key`` says which call this is: the same call again has the same key.

        Raises NotTaken and LeftAlone.
        """
        circuit_breaker.before_call(self.service, at=self.clock.now())
        try:
            answer = self._call(method, path, document, key)
        except DeliveryFailed as fault:
            circuit_breaker.on_failure(self.service, fault, at=self.clock.now())
            raise
        circuit_breaker.on_success(self.service, at=self.clock.now())
        return answer

    def _call(self, method: str, path: str, document: object, key: str) -> dict[str, Any]:
        headers = {"Accept": "application/json", "Idempotency-Key": key, "User-Agent": "promoplatform"}
        headers |= {"Authorization": f"Bearer {self._key}"} if self._key else {}
        body = None if document is None else json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        headers |= {"Content-Type": "application/json"} if body else {}
        connection = self._connection()
        try:
            connection.connect()
            with _enforce_deadline(connection.sock, self.seconds):
                connection.request(method, self._at.path + path, body, headers)
                with connection.getresponse() as response:
                    text = response.read(MAX_RESPONSE_BYTES)
        except ssl.SSLError as error:
            raise DeliveryFailed(f"it could not prove who it is ({error.reason})", ill=True) from error
        except TimeoutError as error:
            raise self._timeout_error() from error
        except (OSError, http.client.HTTPException) as error:
            raise self._translate_error(error) from error
        finally:
            connection.close()
        return rules.parse_response(response.status, dict(response.headers), text, self.clock.now())

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._at.hostname or "", self._at.port
        if self._at.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self.seconds, context=_ssl_context())
        return http.client.HTTPConnection(host, port, timeout=self.seconds)

    def _timeout_error(self) -> DeliveryFailed:
        return DeliveryFailed(f"it did not answer within {self.seconds:g} seconds", ill=True)

    def _translate_error(self, error: Exception) -> DeliveryFailed:
        if isinstance(error, ConnectionRefusedError | socket.gaierror):
            return DeliveryFailed("it cannot be reached", ill=True)
        return DeliveryFailed("it broke the connection off", ill=True)


@cache
def _ssl_context() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextlib.contextmanager
def _enforce_deadline(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Cut a connection after so many seconds, also when it drips: a socket's own limit begins anew with each byte.

    Raises TimeoutError then.
    """
    late = threading.Event()

    def cut() -> None:
        late.set()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise (TimeoutError() if late.is_set() else error) from error
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError

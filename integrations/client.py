"""HTTP client of external services, with a deadline, TLS verification and no redirects.

Every failure of a call is a DeliveryFailed with its reason.
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

TIMEOUT_SECONDS = 5.0
MAX_RESPONSE_BYTES = 1024 * 1024


class Client:
    """A client of a service below ``url``, with ``key`` as the bearer token, behind the circuit breaker."""

    def __init__(
        self, service: Service, *, url: str, key: str, clock: RunClock, seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self.service, self.clock, self.seconds, self._key = service, clock, seconds, key
        self._at = urlsplit(url.rstrip("/"))

    def call(self, method: str, path: str, document: object = None, *, key: str) -> dict[str, Any]:
        """Call the service and return its JSON response. Raises DeliveryFailed and CircuitOpen.

        ``key`` is the idempotency key: a repeated call has the same key.
        """
        circuit_breaker.before_call(self.service, at=self.clock.now())
        try:
            result = self._call(method, path, document, key)
        except DeliveryFailed as error:
            circuit_breaker.on_failure(self.service, error, at=self.clock.now())
            raise
        circuit_breaker.on_success(self.service, at=self.clock.now())
        return result

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
            raise DeliveryFailed(f"TLS verification failed ({error.reason})", is_service_failure=True) from error
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
        return DeliveryFailed(f"timed out after {self.seconds:g} seconds", is_service_failure=True)

    def _translate_error(self, error: Exception) -> DeliveryFailed:
        if isinstance(error, ConnectionRefusedError | socket.gaierror):
            return DeliveryFailed("connection failed", is_service_failure=True)
        return DeliveryFailed("connection closed", is_service_failure=True)


@cache
def _ssl_context() -> ssl.SSLContext:
    return ssl.create_default_context()


@contextlib.contextmanager
def _enforce_deadline(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Close a connection after a number of seconds, and raise TimeoutError then.

    A socket's own timeout is not enough, because it starts again with each byte that arrives.
    """
    expired = threading.Event()

    def shut_down() -> None:
        expired.set()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, shut_down)
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise (TimeoutError() if expired.is_set() else error) from error
    finally:
        timer.cancel()
    if expired.is_set():
        raise TimeoutError

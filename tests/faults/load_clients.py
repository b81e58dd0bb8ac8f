"""Many clients that log in to one campaign at once; each repeats its request until there is a response."""

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.faults.clients import RETRYABLE_CODES

CLIENTS, TRIES, PAUSE = 32, 1_500, 0.05
PATH = "/api/v1/campaigns/{}/first-login/"


@dataclass(frozen=True, slots=True)
class ClaimResponse:
    """Response to a first login; without a voucher the rank is 0."""

    result: str
    voucher: str | None
    rank: int


@dataclass(frozen=True, slots=True)
class IssuedVoucher:
    """Voucher as stored in the table."""

    customer: int
    id: str
    rank: int


@dataclass
class LoadClients:
    """Clients by customer and credentials. With ``keyed``, each sends an Idempotency-Key of its own.

    ``retried`` counts the failures before the responses: ``cut`` for a lost connection, or the status of the error.
    """

    port: int
    slug: str
    credentials: Mapping[int, str]
    keyed: bool = False
    responses: dict[int, ClaimResponse] = field(default_factory=dict)
    retried: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    _connection: Callable[[], http.client.HTTPConnection] = field(init=False, repr=False)

    def send_all(self, inject_fault: Callable[[], object], *, after: int) -> None:
        """Send all requests and inject the fault after a number of responses. Return when all have a response."""
        started = time.monotonic()
        with self._clients() as pool:
            futures = [pool.submit(self._ask, customer) for customer in self.credentials]
            try:
                while len(self.responses) < after and not any(
                    future.done() and future.exception() for future in futures
                ):
                    time.sleep(0.001)
                inject_fault()
                for future in futures:
                    future.result()
            finally:
                pool.shutdown(cancel_futures=True)
        self.seconds = time.monotonic() - started

    def repeat(self, customers: Collection[int]) -> dict[int, ClaimResponse]:
        """Repeat the requests of these customers and return the responses."""
        with self._clients() as pool:
            return dict(zip(customers, pool.map(self._answer, customers), strict=True))

    @contextlib.contextmanager
    def _clients(self) -> Iterator[ThreadPoolExecutor]:
        """Yield threads with a connection each, which is kept alive as those of a proxy are."""
        local, connections = threading.local(), list[http.client.HTTPConnection]()

        def connection() -> http.client.HTTPConnection:
            if not hasattr(local, "connection"):
                local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connections.append(local.connection)
            return local.connection

        self._connection = connection
        try:
            with ThreadPoolExecutor(CLIENTS) as pool:
                yield pool
        finally:
            for opened in connections:
                opened.close()

    def _ask(self, customer: int) -> None:
        self.responses[customer] = self._answer(customer)

    def _answer(self, customer: int) -> ClaimResponse:
        for _ in range(TRIES):
            status, body = self._send(customer)
            if status in (200, 201):
                document = json.loads(body)
                voucher = document.get("voucher") or {"id": None, "rank": 0}
                return ClaimResponse(document["result"], voucher["id"], voucher["rank"])
            self.retried[str(status or "cut")] += 1
            assert not status or _is_retryable(status, body), f"{status}: {body!r}"
            time.sleep(PAUSE)
        raise AssertionError(f"customer {customer} got no response: {self.retried}")

    def _send(self, customer: int) -> tuple[int, bytes]:
        """Return status and body; the status is 0 for a connection that was rejected or lost."""
        headers = {"Authorization": self.credentials[customer]}
        if self.keyed:
            headers["Idempotency-Key"] = f"{self.slug}-{customer}"
        connection = self._connection()
        try:
            connection.request("POST", PATH.format(self.slug), headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0, b""


def _is_retryable(status: int, body: bytes) -> bool:
    """Return whether this is an error after which the client repeats its request."""
    code = json.loads(body)["code"]
    return (status == 503 and code == "unavailable") or (status == 409 and code in RETRYABLE_CODES)


def find_voucher_errors(*, quota: int, logins: int, vouchers: Sequence[IssuedVoucher]) -> list[str]:
    """Return errors in the vouchers of a campaign after a number of logins."""
    errors = []
    if sorted(voucher.rank for voucher in vouchers) != list(range(1, min(quota, logins) + 1)):
        errors.append(f"{len(vouchers)} vouchers, of {len({voucher.rank for voucher in vouchers})} ranks")
    if len({voucher.customer for voucher in vouchers}) != len(vouchers):
        errors.append("a customer has two vouchers")
    return errors


def find_response_errors(responses: Mapping[int, ClaimResponse], vouchers: Sequence[IssuedVoucher]) -> list[str]:
    """Return the responses that differ from the table."""
    stored = {voucher.customer: (voucher.id, voucher.rank) for voucher in vouchers}
    return [
        f"customer {customer} was told {voucher}, and has {stored.get(customer)}"
        for customer, voucher in responses.items()
        if (voucher.voucher, voucher.rank) != stored.get(customer, (None, 0))
    ]

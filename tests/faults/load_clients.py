"""A crowd that comes to one campaign at once: each asks until there is an answer, and remembers what it was."""

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tests.faults.clients import AGAIN

CLIENTS, TRIES, PAUSE = 32, 1_500, 0.05
PATH = "/api/v1/campaigns/{}/first-login/"


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was answered; no voucher and rank 0 where they got none."""

    result: str
    voucher: str | None
    rank: int


@dataclass(frozen=True, slots=True)
class Voucher:
    """A voucher as it stands in the table."""

    customer: int
    id: str
    rank: int


@dataclass
class Crowd:
    """Those who come, by customer and credentials. ``keyed``: each sends an Idempotency-Key of their own.

    ``met`` counts what they met before their answers: ``cut`` without an answer, or the status of the refusal.
    """

    port: int
    slug: str
    credentials: Mapping[int, str]
    keyed: bool = False
    told: dict[int, Told] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    _connection: Callable[[], http.client.HTTPConnection] = field(init=False, repr=False)

    def come(self, fault: Callable[[], object], *, after: int) -> None:
        """All of them; when so many have their answers, the fault strikes. Returns when the last has theirs."""
        began = time.monotonic()
        with self._clients() as pool:
            asked = [pool.submit(self._ask, customer) for customer in self.credentials]
            try:
                while len(self.told) < after and not any(one.done() and one.exception() for one in asked):
                    time.sleep(0.001)
                fault()
                for one in asked:
                    one.result()
            finally:
                pool.shutdown(cancel_futures=True)
        self.seconds = time.monotonic() - began

    def ask_again(self, customers: Collection[int]) -> dict[int, Told]:
        """What these are answered when they ask once more."""
        with self._clients() as pool:
            return dict(zip(customers, pool.map(self._answer, customers), strict=True))

    @contextlib.contextmanager
    def _clients(self) -> Iterator[ThreadPoolExecutor]:
        """Threads with a connection each, kept alive as a proxy's are, and closed in the end."""
        own, made = threading.local(), list[http.client.HTTPConnection]()

        def connection() -> http.client.HTTPConnection:
            if not hasattr(own, "connection"):
                own.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                made.append(own.connection)
            return own.connection

        self._connection = connection
        try:
            with ThreadPoolExecutor(CLIENTS) as pool:
                yield pool
        finally:
            for one in made:
                one.close()

    def _ask(self, customer: int) -> None:
        self.told[customer] = self._answer(customer)

    def _answer(self, customer: int) -> Told:
        for _ in range(TRIES):
            status, body = self._send(customer)
            if status in (200, 201):
                said = json.loads(body)
                voucher = said.get("voucher") or {"id": None, "rank": 0}
                return Told(said["result"], voucher["id"], voucher["rank"])
            self.met[str(status or "cut")] += 1
            assert not status or _may_be_met(status, body), f"{status}: {body!r}"
            time.sleep(PAUSE)
        raise AssertionError(f"customer {customer} never got an answer: {self.met}")

    def _send(self, customer: int) -> tuple[int, bytes]:
        """Status and body; status 0 when the connection was refused, or broke before all of the answer had come."""
        headers = {"Authorization": self.credentials[customer]}
        if self.keyed:
            headers["Idempotency-Key"] = f"{self.slug}-{customer}"
        connection = self._connection()
        try:
            connection.request("POST", PATH.format(self.slug), headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0, b""


def _may_be_met(status: int, body: bytes) -> bool:
    """Whether this is a refusal that says: again, and a problem document that says so."""
    code = json.loads(body)["code"]
    return (status == 503 and code == "unavailable") or (status == 409 and code in AGAIN)


def wrong_vouchers(*, quota: int, came: int, vouchers: Sequence[Voucher]) -> list[str]:
    """What is wrong with the vouchers of a campaign to which so many came."""
    wrong = []
    if sorted(one.rank for one in vouchers) != list(range(1, min(quota, came) + 1)):
        wrong.append(f"{len(vouchers)} vouchers, of {len({one.rank for one in vouchers})} ranks")
    if len({one.customer for one in vouchers}) != len(vouchers):
        wrong.append("somebody has two vouchers")
    return wrong


def wrong_answers(told: Mapping[int, Told], vouchers: Sequence[Voucher]) -> list[str]:
    """Who was told something else than what is there."""
    there = {one.customer: (one.id, one.rank) for one in vouchers}
    return [
        f"customer {customer} was told {one}, and has {there.get(customer)}"
        for customer, one in told.items()
        if (one.voucher, one.rank) != there.get(customer, (None, 0))
    ]

"""A stand-in for both services outside: a segmentation service and a campaign engine that keep what they are told.

    with Outside() as outside:
        outside.next(503, "hang")        # what becomes of the next two calls; later ones are served
        outside.faults = {"fail": 0.3}   # or of a share of all calls
        outside.segments, outside.campaigns

As a process of its own: ``python -m tests.fakes.external_services --port 8090``, with ``SEGMENTATION_SERVICE_URL`` and
``CAMPAIGN_ENGINE_URL`` both ``http://127.0.0.1:8090`` and both keys ``stand-in-key``. Its first page shows what it
knows, and can make it fail; ``GET /_state`` is the same as JSON, ``POST /_faults`` takes shares and ``POST /_next`` a
list of behaviours: a status, or one of ``hang`` (reads, never answers, keeps nothing), ``reset`` (cuts the connection,
keeps nothing), ``swallow`` (keeps it, cuts the connection), ``half`` (keeps half of a page and says so), ``lie`` (keeps
half of a page and says that it has all), ``drip`` (keeps it, answers byte by byte), ``elsewhere`` (a redirect).
"""

import argparse
import html
import json
import random
import re
import socket
import struct
import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

KEY = "stand-in-key"
SHARES: dict[str, int | str] = {
    "fail": 503, "throttle": 429, "hang": "hang", "reset": "reset", "swallow": "swallow", "half": "half", "lie": "lie",
}  # fmt: skip
_SEGMENT = re.compile(r"/segments/([0-9a-f-]{36})(?:/epochs/(\d+)/(?:pages/(\d+)|(complete)))?")
_CAMPAIGN = re.compile(r"/campaigns/([0-9a-f-]{36})")
Behaviour = int | str


@dataclass
class Known:
    """A segment as the service knows it: members by page of the newest epoch; complete once it was told so."""

    facts: dict[str, Any] = field(default_factory=dict)
    epoch: int = -1
    pages: dict[int, list[str]] = field(default_factory=dict)
    complete: bool = False
    deleted: bool = False

    @property
    def members(self) -> list[str]:
        return [customer for _, page in sorted(self.pages.items()) for customer in page]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    outside: "Outside"


class Outside:
    """The running stand-in."""

    def __init__(self, port: int = 0, *, seed: int = 1) -> None:
        self.segments: dict[str, Known] = {}
        self.campaigns: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []  # method, path and key of each
        self.told: Counter[str] = Counter()  # how often each campaign was told
        self.faults: dict[str, float] = {}
        self.retry_after = ""
        self.held = threading.Event()  # set once a call hangs
        self._chance = random.Random(seed)
        self._behaviours: deque[Behaviour] = deque()
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.outside = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def next(self, *behaviours: Behaviour) -> None:
        """What becomes of the next calls, one behaviour each."""
        with self.lock:
            self._behaviours.extend(behaviours)

    def behaviour(self) -> Behaviour:
        with self.lock:
            if self._behaviours:
                return self._behaviours.popleft()
            draw = self._chance.random()
            for name, share in self.faults.items():
                draw -= share
                if draw < 0:
                    return SHARES[name]
            return 200

    def state(self) -> dict[str, Any]:
        """Everything it knows; segments with their sizes instead of their members."""
        segments = {
            pk: {**known.facts, "size": len(known.members), "complete": known.complete, "deleted": known.deleted}
            for pk, known in self.segments.items()
        }
        return {"segments": segments, "campaigns": self.campaigns, "calls": len(self.calls), "faults": self.faults}

    def take_segment(self, pk: str, facts: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        known = self.segments.setdefault(pk, Known())
        if known.deleted:
            return 410, {"detail": "this segment was deleted"}
        if facts["epoch"] > known.epoch:
            known.epoch, known.pages, known.complete = facts["epoch"], {}, False
        known.facts = facts
        return 200, {"id": f"outside-{pk[:8]}"}

    def take_page(self, pk: str, epoch: int, page: int, ids: list[str], how: Behaviour) -> tuple[int, dict[str, Any]]:
        known = self.segments.get(pk)
        if known is None or known.deleted or known.epoch != epoch:
            return 409, {"detail": "no such segment at this epoch"}
        kept = ids[: len(ids) // 2] if how in ("half", "lie") else ids
        known.pages[page] = kept
        return 200, {"received": len(ids) if how == "lie" else len(kept)}

    def complete(self, pk: str, epoch: int) -> tuple[int, dict[str, Any]]:
        known = self.segments.get(pk)
        if known is None or known.deleted or known.epoch != epoch:
            return 409, {"detail": "no such segment at this epoch"}
        known.complete = True
        return 200, {"size": len(known.members)}

    def delete(self, pk: str) -> tuple[int, dict[str, Any]]:
        known = self.segments.get(pk)
        if known is None:
            self.segments[pk] = Known(deleted=True)
            return 404, {"detail": "no such segment"}
        known.deleted, known.complete, known.pages = True, False, {}
        return 200, {}

    def take_campaign(self, pk: str, campaign: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.told[pk] += 1
        if pk in self.campaigns and campaign["version"] < self.campaigns[pk]["version"]:
            return 200, {"stale": True}
        self.campaigns[pk] = campaign
        return 200, {}

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/_state":
            self._answer(200, self.server.outside.state())
        elif self.path == "/":
            self._answer(200, _page(self.server.outside), kind="text/html; charset=utf-8")
        else:
            self._answer(404, {"detail": "nothing here"})

    def do_POST(self) -> None:
        if self.path == "/_next":
            self.server.outside.next(*json.loads(self._body()))
            self._answer(200, {})
        elif self.path == "/_faults":
            self.server.outside.faults = json.loads(self._body())
            self._answer(200, self.server.outside.faults)
        elif self.path.startswith("/_faults/"):  # a button of the page
            self.server.outside.faults = {"fail": 1.0} if self.path.endswith("/fail") else {}
            self._answer(303, {}, location="/")
        else:
            self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _serve(self, method: str) -> None:
        outside, body = self.server.outside, self._body()
        with outside.lock:
            outside.calls.append(f"{method} {self.path} {self.headers.get('Idempotency-Key')}")
        how = outside.behaviour()
        if how == "hang":
            outside.held.set()
            outside.closing.wait()
        elif how == "reset":
            self._cut()
        elif how == "elsewhere":
            self._answer(307, {}, location="http://127.0.0.1:1/")
        elif isinstance(how, int) and how != 200:
            self._answer(how, {"detail": "told to refuse"})
        elif self.headers.get("Authorization") != f"Bearer {KEY}":
            self._answer(401, {"detail": "no such key"})
        else:
            self._take(method, json.loads(body or b"{}"), how)

    def _take(self, method: str, document: dict[str, Any], how: Behaviour) -> None:
        with self.server.outside.lock:
            status, answer = self._taken(method, document, how)
        if how == "swallow":
            self._cut()
        else:
            self._answer(status, answer, slowly=how == "drip")

    def _taken(self, method: str, document: dict[str, Any], how: Behaviour) -> tuple[int, dict[str, Any]]:
        outside = self.server.outside
        if found := _CAMPAIGN.fullmatch(self.path):
            return outside.take_campaign(found[1], document)
        found = _SEGMENT.fullmatch(self.path)
        if found is None:
            return 404, {"detail": "nothing here"}
        pk, epoch, page, complete = found.groups()
        if page is not None:
            return outside.take_page(pk, int(epoch), int(page), document["customer_ids"], how)
        if complete:
            return outside.complete(pk, int(epoch))
        return outside.delete(pk) if method == "DELETE" else outside.take_segment(pk, document)

    def _cut(self) -> None:
        """Close with a reset, as a dying host does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _answer(
        self, status: int, document: Any, *, location: str = "", slowly: bool = False, kind: str = "application/json"
    ) -> None:
        body = document.encode() if isinstance(document, str) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        if self.server.outside.retry_after and status in (429, 503):
            self.send_header("Retry-After", self.server.outside.retry_after)
        self.end_headers()
        try:
            for byte in [body[n : n + 1] for n in range(len(body))] if slowly else [body]:
                self.wfile.write(byte)
                if slowly and self.server.outside.closing.wait(0.2):
                    return
        except OSError:
            return  # the caller has gone

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Says nothing."""


def _page(outside: Outside) -> str:
    """What it knows, for people; anew every two seconds."""
    rows = [
        ("segment", pk, known.facts.get("segment_type", ""), f"{len(known.members):,} customers",
         "deleted" if known.deleted else "complete" if known.complete else "not complete")
        for pk, known in outside.segments.items()
    ] + [
        ("campaign", pk, told["name"], f"version {told['version']}", told["status"])
        for pk, told in outside.campaigns.items()
    ]  # fmt: skip
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in reversed(rows)
    )
    does = "refuses every call (503)" if outside.faults.get("fail") == 1 else "serves"
    return (
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=2><title>Outside services</title>"
        "<style>body{font:16px system-ui;margin:2rem}td{padding:.3rem 1rem .3rem 0}button{font:inherit}</style>"
        f"<h1>Outside services: a stand-in</h1><p>It {does}. {len(outside.calls):,} calls so far.</p>"
        "<form method=post><button formaction=/_faults/fail>Refuse everything</button> "
        f"<button formaction=/_faults/none>Serve again</button></form><table>{lines}</table>"
    )


def main() -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=8090)
    outside = Outside(parser.parse_args().port)
    print(f"stand-in for the outside services on {outside.url}, key {KEY}", flush=True)
    outside.serve()


if __name__ == "__main__":
    main()

"""Fake of both external services: a segmentation service and a campaign engine that store what they receive.

    with FakeServices() as services:
        services.next(503, "hang")             # behavior of the next two calls; later ones succeed
        services.fault_rates = {"fail": 0.3}   # or of a share of all calls
        services.segments, services.campaigns

Run it as a process with ``python -m tests.fakes.external_services --port 8090``, and set ``SEGMENTATION_SERVICE_URL``
and ``CAMPAIGN_ENGINE_URL`` to ``http://127.0.0.1:8090`` and both keys to ``stand-in-key``. The start page shows what
the fake has stored, and can make it fail. ``GET /_state`` returns the same as JSON, ``POST /_faults`` sets shares, and
``POST /_next`` takes a list of behaviors: a status, or one of ``hang`` (reads, never answers, stores nothing),
``reset`` (resets the connection, stores nothing), ``swallow`` (stores, resets the connection), ``half`` (stores half of
a page and says so), ``lie`` (stores half of a page and claims to have all), ``drip`` (stores, answers byte by byte),
``elsewhere`` (a redirect).
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
FAILURE_KINDS: dict[str, int | str] = {
    "fail": 503, "throttle": 429, "hang": "hang", "reset": "reset", "swallow": "swallow", "half": "half", "lie": "lie",
}  # fmt: skip
_SEGMENT_PATH = re.compile(r"/segments/([0-9a-f-]{36})(?:/epochs/(\d+)/(?:pages/(\d+)|(complete)))?")
_CAMPAIGN_PATH = re.compile(r"/campaigns/([0-9a-f-]{36})")
Behavior = int | str


@dataclass
class StoredSegment:
    """Segment as the service knows it: members by page of the newest epoch, and whether the epoch is complete."""

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
    services: "FakeServices"


class FakeServices:
    """Running fake of both services."""

    def __init__(self, port: int = 0, *, seed: int = 1) -> None:
        self.segments: dict[str, StoredSegment] = {}
        self.campaigns: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []  # method, path and key of each
        self.update_counts: Counter[str] = Counter()  # number of updates per campaign
        self.fault_rates: dict[str, float] = {}
        self.retry_after = ""
        self.hanging = threading.Event()  # set while a call hangs
        self._rng = random.Random(seed)
        self._behaviors: deque[Behavior] = deque()
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.services = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def next(self, *behaviors: Behavior) -> None:
        """Set the behavior of the next calls, one for each."""
        with self.lock:
            self._behaviors.extend(behaviors)

    def next_behavior(self) -> Behavior:
        with self.lock:
            if self._behaviors:
                return self._behaviors.popleft()
            value = self._rng.random()
            for name, share in self.fault_rates.items():
                value -= share
                if value < 0:
                    return FAILURE_KINDS[name]
            return 200

    def state(self) -> dict[str, Any]:
        """Return everything that is stored; segments with their size instead of their members."""
        segments = {
            pk: {
                **segment.facts,
                "size": len(segment.members),
                "complete": segment.complete,
                "deleted": segment.deleted,
            }
            for pk, segment in self.segments.items()
        }
        return {"segments": segments, "campaigns": self.campaigns, "calls": len(self.calls), "faults": self.fault_rates}

    def put_segment(self, pk: str, facts: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        segment = self.segments.setdefault(pk, StoredSegment())
        if segment.deleted:
            return 410, {"detail": "This segment was deleted."}
        if facts["epoch"] > segment.epoch:
            segment.epoch, segment.pages, segment.complete = facts["epoch"], {}, False
        segment.facts = facts
        return 200, {"id": f"external-{pk[:8]}"}

    def put_page(
        self, pk: str, epoch: int, page: int, ids: list[str], behavior: Behavior
    ) -> tuple[int, dict[str, Any]]:
        segment = self.segments.get(pk)
        if segment is None or segment.deleted or segment.epoch != epoch:
            return 409, {"detail": "No such segment in this epoch."}
        stored_ids = ids[: len(ids) // 2] if behavior in ("half", "lie") else ids
        segment.pages[page] = stored_ids
        return 200, {"received": len(ids) if behavior == "lie" else len(stored_ids)}

    def complete_epoch(self, pk: str, epoch: int) -> tuple[int, dict[str, Any]]:
        segment = self.segments.get(pk)
        if segment is None or segment.deleted or segment.epoch != epoch:
            return 409, {"detail": "No such segment in this epoch."}
        segment.complete = True
        return 200, {"size": len(segment.members)}

    def delete(self, pk: str) -> tuple[int, dict[str, Any]]:
        segment = self.segments.get(pk)
        if segment is None:
            self.segments[pk] = StoredSegment(deleted=True)
            return 404, {"detail": "No such segment."}
        segment.deleted, segment.complete, segment.pages = True, False, {}
        return 200, {}

    def put_campaign(self, pk: str, campaign: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.update_counts[pk] += 1
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
            self._answer(200, self.server.services.state())
        elif self.path == "/":
            self._answer(200, _page(self.server.services), kind="text/html; charset=utf-8")
        else:
            self._answer(404, {"detail": "Not found."})

    def do_POST(self) -> None:
        if self.path == "/_next":
            self.server.services.next(*json.loads(self._body()))
            self._answer(200, {})
        elif self.path == "/_faults":
            self.server.services.fault_rates = json.loads(self._body())
            self._answer(200, self.server.services.fault_rates)
        elif self.path.startswith("/_faults/"):  # a button of the page
            self.server.services.fault_rates = {"fail": 1.0} if self.path.endswith("/fail") else {}
            self._answer(303, {}, location="/")
        else:
            self._handle("POST")

    def do_PUT(self) -> None:
        self._handle("PUT")

    def do_DELETE(self) -> None:
        self._handle("DELETE")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _handle(self, method: str) -> None:
        services, body = self.server.services, self._body()
        with services.lock:
            services.calls.append(f"{method} {self.path} {self.headers.get('Idempotency-Key')}")
        behavior = services.next_behavior()
        if behavior == "hang":
            services.hanging.set()
            services.closing.wait()
        elif behavior == "reset":
            self._cut()
        elif behavior == "elsewhere":
            self._answer(307, {}, location="http://127.0.0.1:1/")
        elif isinstance(behavior, int) and behavior != 200:
            self._answer(behavior, {"detail": "fault requested by a test"})
        elif self.headers.get("Authorization") != f"Bearer {KEY}":
            self._answer(401, {"detail": "Invalid API key."})
        else:
            self._store(method, json.loads(body or b"{}"), behavior)

    def _store(self, method: str, document: dict[str, Any], behavior: Behavior) -> None:
        with self.server.services.lock:
            status, answer = self._dispatch(method, document, behavior)
        if behavior == "swallow":
            self._cut()
        else:
            self._answer(status, answer, slowly=behavior == "drip")

    def _dispatch(self, method: str, document: dict[str, Any], behavior: Behavior) -> tuple[int, dict[str, Any]]:
        services = self.server.services
        if match := _CAMPAIGN_PATH.fullmatch(self.path):
            return services.put_campaign(match[1], document)
        match = _SEGMENT_PATH.fullmatch(self.path)
        if match is None:
            return 404, {"detail": "Not found."}
        pk, epoch, page, complete = match.groups()
        if page is not None:
            return services.put_page(pk, int(epoch), int(page), document["customer_ids"], behavior)
        if complete:
            return services.complete_epoch(pk, int(epoch))
        return services.delete(pk) if method == "DELETE" else services.put_segment(pk, document)

    def _cut(self) -> None:
        """Close the connection with a reset, as a crashing host does."""
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
        if self.server.services.retry_after and status in (429, 503):
            self.send_header("Retry-After", self.server.services.retry_after)
        self.end_headers()
        try:
            for byte in [body[n : n + 1] for n in range(len(body))] if slowly else [body]:
                self.wfile.write(byte)
                if slowly and self.server.services.closing.wait(0.2):
                    return
        except OSError:
            return  # the caller has disconnected

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Log nothing."""


def _page(services: FakeServices) -> str:
    """Return the page that shows what is stored; it reloads every two seconds."""
    rows = [
        ("segment", pk, segment.facts.get("segment_type", ""), f"{len(segment.members):,} customers",
         "deleted" if segment.deleted else "complete" if segment.complete else "not complete")
        for pk, segment in services.segments.items()
    ] + [
        ("campaign", pk, campaign["name"], f"version {campaign['version']}", campaign["status"])
        for pk, campaign in services.campaigns.items()
    ]  # fmt: skip
    lines = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in reversed(rows)
    )
    status = "rejects every call (503)" if services.fault_rates.get("fail") == 1 else "works"
    return (
        "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=2><title>External services</title>"
        "<style>body{font:16px system-ui;margin:2rem}td{padding:.3rem 1rem .3rem 0}button{font:inherit}</style>"
        f"<h1>Fake external services</h1><p>The fake {status}. {len(services.calls):,} calls so far.</p>"
        "<form method=post><button formaction=/_faults/fail>Reject everything</button> "
        f"<button formaction=/_faults/none>Work again</button></form><table>{lines}</table>"
    )


def main() -> None:
    """Serve until the process is stopped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=8090)
    services = FakeServices(parser.parse_args().port)
    print(f"Fake external services on {services.url}, key {KEY}", flush=True)
    services.serve()


if __name__ == "__main__":
    main()

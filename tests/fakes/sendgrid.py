"""A stand-in for SendGrid's v3 API: a real HTTP server on loopback that accepts and refuses as the API documents.

    with SendGrid() as sendgrid:
        sendgrid.next(429, 500)          # the next two requests are refused so, later ones are served
        sendgrid.accepted                # every personalisation that was taken over, in order

As a process of its own: ``python -m tests.fakes.sendgrid --port 8025``; ``GET /_accepted`` answers what was taken
over,
``POST /_next`` takes a list of behaviours: a status, or one of ``hang`` (reads, never answers, takes nothing),
``reset`` (cuts the
connection, takes nothing), ``swallow`` (takes over, cuts the connection), ``hold`` (takes over, never answers).
"""

import argparse
import json
import re
import socket
import struct
import threading
import uuid
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

API_KEY = "SG.stand-in"
MAX_BODY = 30 * 1024 * 1024
_ADDRESS = re.compile(r"[^@\s,<>()\[\]\\\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_KNOWN = {
    "personalizations",
    "from",
    "reply_to",
    "reply_to_list",
    "subject",
    "content",
    "attachments",
    "template_id",
    "headers",
    "categories",
    "custom_args",
    "send_at",
    "batch_id",
    "asm",
    "ip_pool_name",
    "mail_settings",
    "tracking_settings",
}
_RESERVED = {
    "x-sg-id",
    "x-sg-eid",
    "received",
    "dkim-signature",
    "content-type",
    "content-transfer-encoding",
    "to",
    "from",
    "subject",
    "reply-to",
    "cc",
    "bcc",
}
Behaviour = int | str
Fault = tuple[str, str | None]  # message, field


@dataclass(frozen=True)
class Taken:
    """A personalisation that was taken over. ``answered`` is whether the sender was told."""

    address: str
    custom_args: dict[str, str]
    subject: str
    texts: dict[str, str]
    headers: dict[str, str]
    payload: dict[str, Any] = field(repr=False)
    message_id: str = ""
    answered: bool = True


def faults(payload: Any) -> list[Fault]:
    """Everything that is wrong with a request."""
    if not isinstance(payload, dict):
        return [(_WORDS[400], None)]
    found: list[Fault] = [
        (f"Additional property {name} is not allowed", None) for name in sorted(set(payload) - _KNOWN)
    ]
    personalizations = payload.get("personalizations")
    if not isinstance(personalizations, list) or not personalizations:
        found.append(("You must have at least one personalization.", "personalizations"))
        personalizations = []
    if len(personalizations) > 1000:
        limit = "The personalization block is limited to 1000 personalizations per API request."
        found.append((f"{limit} You have provided {len(personalizations)} personalizations.", "personalizations"))
    for place, personalization in enumerate(personalizations):
        found += _personalization_faults(personalization, f"personalizations.{place}")
    if not _valid(payload.get("from")):
        found.append(("The from email does not contain a valid address.", "from.email"))
    if not payload.get("subject") and not all(it.get("subject") for it in personalizations):
        found.append(("The subject is required.", "subject"))
    return found + _content_faults(payload.get("content")) + _header_faults(payload.get("headers"), "headers")


def _personalization_faults(personalization: Any, where: str) -> list[Fault]:
    if not (
        isinstance(personalization, dict) and isinstance(personalization.get("to"), list) and personalization["to"]
    ):
        return [("The to array is required for all personalization objects.", f"{where}.to")]
    found: list[Fault] = []
    seen: set[str] = set()
    for name in ("to", "cc", "bcc"):
        for place, address in enumerate(personalization.get(name, [])):
            if not _valid(address):
                found.append(("Does not contain a valid address.", f"{where}.{name}.{place}.email"))
            elif address["email"].lower() in seen:
                found.append((f"Each email address should be unique: [{address['email']}] is not.", where))
            else:
                seen.add(address["email"].lower())
    for name in ("substitutions", "custom_args"):
        values = personalization.get(name, {})
        if not all(isinstance(value, str) for value in values.values()):
            found.append((f"The {name} values must be strings.", f"{where}.{name}"))
        elif sum(len(key.encode()) + len(value.encode()) for key, value in values.items()) > 10_000:
            found.append((f"The {name} are limited to 10000 bytes.", f"{where}.{name}"))
    return found + _header_faults(personalization.get("headers"), f"{where}.headers")


def _content_faults(contents: Any) -> list[Fault]:
    if not isinstance(contents, list) or not contents:
        return [("Unless a valid template_id is provided, the content parameter is required.", "content")]
    kinds = [content.get("type") for content in contents]
    order = sorted(
        kinds, key=lambda kind: ("text/plain", "text/html").index(kind) if kind in ("text/plain", "text/html") else 2
    )
    found: list[Fault] = []
    if kinds != order:
        found.append(("If present, text/plain and text/html may only be provided once and in this order.", "content"))
    for place, content in enumerate(contents):
        if not isinstance(content.get("value"), str) or not content["value"]:
            found.append(
                ("The content value must be a string at least one character in length.", f"content.{place}.value")
            )
    return found


def _header_faults(headers: Any, where: str) -> list[Fault]:
    return [(f"The header {name} is reserved.", where) for name in headers or {} if name.lower() in _RESERVED]


def _valid(address: Any) -> bool:
    return (
        isinstance(address, dict)
        and isinstance(address.get("email"), str)
        and bool(_ADDRESS.fullmatch(address["email"]))
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sendgrid: "SendGrid"


class SendGrid:
    """The running stand-in. ``vague`` hides which personalisation a refusal is about."""

    def __init__(self, port: int = 0, *, vague: bool = False) -> None:
        self.vague = vague
        self.requests = 0
        self.retry_after = ""
        self.taken: list[Taken] = []
        self.held = threading.Event()  # set once a request is held without an answer
        self._behaviours: deque[Behaviour] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.sendgrid = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def accepted(self) -> list[str]:
        """The addresses that were taken over, in order."""
        return [taken.address for taken in self.taken]

    def next(self, *behaviours: Behaviour) -> None:
        """What becomes of the next requests, one behaviour each."""
        with self._lock:
            self._behaviours.extend(behaviours)

    def behaviour(self) -> Behaviour:
        with self._lock:
            self.requests += 1
            return self._behaviours.popleft() if self._behaviours else 202

    def take(self, payload: dict[str, Any], *, answered: bool) -> str:
        """Take over a valid request; its message id."""
        message_id = uuid.uuid4().hex[:22]
        rows = [
            _taken(payload, personalization, message_id, answered) for personalization in payload["personalizations"]
        ]
        with self._lock:
            self.taken += rows
        return message_id

    def wait(self) -> None:
        """Stay without an answer until the stand-in closes."""
        self.held.set()
        self._closing.wait()

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def _taken(payload: dict[str, Any], personalization: dict[str, Any], message_id: str, answered: bool) -> Taken:
    own = personalization.get("substitutions", {})
    return Taken(
        address=personalization["to"][0]["email"],
        custom_args=personalization.get("custom_args", {}),
        subject=_substituted(personalization.get("subject") or payload["subject"], own),
        texts={content["type"]: _substituted(content["value"], own) for content in payload["content"]},
        headers=payload.get("headers", {}) | personalization.get("headers", {}),
        payload={name: value for name, value in payload.items() if name != "personalizations"}
        | {"personalizations": [personalization]},
        message_id=message_id,
        answered=answered,
    )


def _substituted(text: str, own: dict[str, str]) -> str:
    for tag, value in own.items():
        text = text.replace(tag, value)
    return text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if self.path != "/_accepted":
            self._refuse(404, [(_WORDS[404], None)])
            return
        sendgrid = self.server.sendgrid
        taken = [[it.custom_args.get("mail_id"), it.address, it.answered] for it in sendgrid.taken]
        self._answer(200, {"requests": sendgrid.requests, "held": sendgrid.held.is_set(), "accepted": taken})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_next":
            self.server.sendgrid.next(*json.loads(body))
            self._answer(200, {})
        elif self.path == "/v3/mail/send":
            self._send(body, self.server.sendgrid.behaviour())
        else:
            self._refuse(404, [(_WORDS[404], None)])

    def _send(self, body: bytes, behaviour: Behaviour) -> None:
        sendgrid = self.server.sendgrid
        if behaviour == "reset":
            self._cut()
        elif behaviour == "hang":
            sendgrid.wait()
        elif isinstance(behaviour, int) and behaviour != 202:
            self._refuse(behaviour, [(_WORDS.get(behaviour, "The request was refused."), None)])
        elif status := self._refusal(body):
            self._refuse(status, [(_WORDS[status], None)])
        elif found := faults(json.loads(body)):
            self._refuse(400, [(message, None if sendgrid.vague else where) for message, where in found])
        else:
            self._take(json.loads(body), behaviour)

    def _refusal(self, body: bytes) -> int | None:
        if self.headers.get("Authorization") != f"Bearer {API_KEY}":
            return 401
        if self.headers.get_content_type() != "application/json":
            return 415
        if len(body) > MAX_BODY:
            return 413
        try:
            json.loads(body)
        except ValueError:
            return 400
        return None

    def _take(self, payload: dict[str, Any], behaviour: Behaviour) -> None:
        message_id = self.server.sendgrid.take(payload, answered=behaviour == 202)
        if behaviour == "swallow":
            self._cut()
        elif behaviour == "hold":
            self.server.sendgrid.wait()
        else:
            self._answer(202, None, {"X-Message-Id": message_id})

    def _cut(self) -> None:
        """Close with a reset, as a dying host does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _refuse(self, status: int, errors: list[Fault]) -> None:
        wait = self.server.sendgrid.retry_after
        document = {"errors": [{"message": message, "field": where, "help": None} for message, where in errors]}
        self._answer(status, document, {"Retry-After": wait} if wait and status in (429, 503) else {})

    def _answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        return


_WORDS = {
    400: "Bad Request",
    404: "The resource could not be found.",
    415: "Content-Type should be application/json.",
    401: "The provided authorization grant is invalid, expired, or revoked",
    403: "The from address does not match a verified Sender Identity.",
    413: "The JSON payload you have included in your request is too large.",
    429: "too many requests",
    500: "An error occurred on a SendGrid server.",
    503: "The SendGrid v3 Web API is not available.",
}


def main() -> None:
    """Serve until stopped; prints the address once it listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--vague", action="store_true")
    options = parser.parse_args()
    sendgrid = SendGrid(options.port, vague=options.vague)
    print(sendgrid.url, flush=True)
    sendgrid.serve()


if __name__ == "__main__":
    main()

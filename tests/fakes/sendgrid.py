"""Fake of SendGrid's v3 API: an HTTP server on loopback that accepts and rejects requests as the API documents.

    with SendGrid() as sendgrid:
        sendgrid.next(429, 500)          # the next two requests are rejected, later ones accepted
        sendgrid.accepted                # addresses of all accepted personalizations, in order

Run it as a process with ``python -m tests.fakes.sendgrid --port 8025``. ``GET /_accepted`` returns what was accepted.
``POST /_next`` takes a list of behaviors: a status, or one of ``hang`` (reads, never answers, accepts nothing),
``reset`` (resets the connection, accepts nothing), ``swallow`` (accepts, resets the connection), ``hold`` (accepts,
never answers).
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
_KNOWN_FIELDS = {
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
Behavior = int | str
FieldError = tuple[str, str | None]  # message, field


@dataclass(frozen=True)
class AcceptedMail:
    """Accepted personalization. ``answered`` tells whether the sender got a response."""

    address: str
    custom_args: dict[str, str]
    subject: str
    texts: dict[str, str]
    headers: dict[str, str]
    payload: dict[str, Any] = field(repr=False)
    message_id: str = ""
    answered: bool = True


def find_errors(payload: Any) -> list[FieldError]:
    """Return all errors of a request."""
    if not isinstance(payload, dict):
        return [(_ERROR_TEXTS[400], None)]
    errors: list[FieldError] = [
        (f"Additional property {name} is not allowed", None) for name in sorted(set(payload) - _KNOWN_FIELDS)
    ]
    personalizations = payload.get("personalizations")
    if not isinstance(personalizations, list) or not personalizations:
        errors.append(("You must have at least one personalization.", "personalizations"))
        personalizations = []
    if len(personalizations) > 1000:
        limit = "The personalization block is limited to 1000 personalizations per API request."
        errors.append((f"{limit} You have provided {len(personalizations)} personalizations.", "personalizations"))
    for index, personalization in enumerate(personalizations):
        errors += _find_personalization_errors(personalization, f"personalizations.{index}")
    if not _is_valid(payload.get("from")):
        errors.append(("The from email does not contain a valid address.", "from.email"))
    if not payload.get("subject") and not all(item.get("subject") for item in personalizations):
        errors.append(("The subject is required.", "subject"))
    return (
        errors + _find_content_errors(payload.get("content")) + _find_header_errors(payload.get("headers"), "headers")
    )


def _find_personalization_errors(personalization: Any, path: str) -> list[FieldError]:
    if not (
        isinstance(personalization, dict) and isinstance(personalization.get("to"), list) and personalization["to"]
    ):
        return [("The to array is required for all personalization objects.", f"{path}.to")]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for name in ("to", "cc", "bcc"):
        for index, address in enumerate(personalization.get(name, [])):
            if not _is_valid(address):
                errors.append(("Does not contain a valid address.", f"{path}.{name}.{index}.email"))
            elif address["email"].lower() in seen:
                errors.append((f"Each email address should be unique: [{address['email']}] is not.", path))
            else:
                seen.add(address["email"].lower())
    for name in ("substitutions", "custom_args"):
        values = personalization.get(name, {})
        if not all(isinstance(value, str) for value in values.values()):
            errors.append((f"The {name} values must be strings.", f"{path}.{name}"))
        elif sum(len(key.encode()) + len(value.encode()) for key, value in values.items()) > 10_000:
            errors.append((f"The {name} are limited to 10000 bytes.", f"{path}.{name}"))
    return errors + _find_header_errors(personalization.get("headers"), f"{path}.headers")


def _find_content_errors(contents: Any) -> list[FieldError]:
    if not isinstance(contents, list) or not contents:
        return [("Unless a valid template_id is provided, the content parameter is required.", "content")]
    kinds = [content.get("type") for content in contents]
    order = sorted(
        kinds, key=lambda kind: ("text/plain", "text/html").index(kind) if kind in ("text/plain", "text/html") else 2
    )
    errors: list[FieldError] = []
    if kinds != order:
        errors.append(("If present, text/plain and text/html may only be provided once and in this order.", "content"))
    for index, content in enumerate(contents):
        if not isinstance(content.get("value"), str) or not content["value"]:
            errors.append(
                ("The content value must be a string at least one character in length.", f"content.{index}.value")
            )
    return errors


def _find_header_errors(headers: Any, path: str) -> list[FieldError]:
    return [(f"The header {name} is reserved.", path) for name in headers or {} if name.lower() in _RESERVED]


def _is_valid(address: Any) -> bool:
    return (
        isinstance(address, dict)
        and isinstance(address.get("email"), str)
        and bool(_ADDRESS.fullmatch(address["email"]))
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sendgrid: "SendGrid"


class SendGrid:
    """Running fake. ``vague`` hides which personalization an error is about."""

    def __init__(self, port: int = 0, *, vague: bool = False) -> None:
        self.vague = vague
        self.requests = 0
        self.retry_after = ""
        self.mails: list[AcceptedMail] = []
        self.hanging = threading.Event()  # set while a request waits without a response
        self._behaviors: deque[Behavior] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.sendgrid = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def accepted(self) -> list[str]:
        """Addresses of accepted mails, in order."""
        return [mail.address for mail in self.mails]

    def next(self, *behaviors: Behavior) -> None:
        """Set the behavior of the next requests, one for each."""
        with self._lock:
            self._behaviors.extend(behaviors)

    def next_behavior(self) -> Behavior:
        with self._lock:
            self.requests += 1
            return self._behaviors.popleft() if self._behaviors else 202

    def accept(self, payload: dict[str, Any], *, answered: bool) -> str:
        """Accept a valid request and return its message ID."""
        message_id = uuid.uuid4().hex[:22]
        rows = [
            _accept(payload, personalization, message_id, answered) for personalization in payload["personalizations"]
        ]
        with self._lock:
            self.mails += rows
        return message_id

    def wait(self) -> None:
        """Wait until the fake stops, without a response."""
        self.hanging.set()
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


def _accept(payload: dict[str, Any], personalization: dict[str, Any], message_id: str, answered: bool) -> AcceptedMail:
    substitutions = personalization.get("substitutions", {})
    return AcceptedMail(
        address=personalization["to"][0]["email"],
        custom_args=personalization.get("custom_args", {}),
        subject=_substitute(personalization.get("subject") or payload["subject"], substitutions),
        texts={content["type"]: _substitute(content["value"], substitutions) for content in payload["content"]},
        headers=payload.get("headers", {}) | personalization.get("headers", {}),
        payload={name: value for name, value in payload.items() if name != "personalizations"}
        | {"personalizations": [personalization]},
        message_id=message_id,
        answered=answered,
    )


def _substitute(text: str, substitutions: dict[str, str]) -> str:
    for tag, value in substitutions.items():
        text = text.replace(tag, value)
    return text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if self.path != "/_accepted":
            self._send_error(404, [(_ERROR_TEXTS[404], None)])
            return
        sendgrid = self.server.sendgrid
        taken = [[mail.custom_args.get("mail_id"), mail.address, mail.answered] for mail in sendgrid.mails]
        self._answer(200, {"requests": sendgrid.requests, "held": sendgrid.hanging.is_set(), "accepted": taken})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_next":
            self.server.sendgrid.next(*json.loads(body))
            self._answer(200, {})
        elif self.path == "/v3/mail/send":
            self._send(body, self.server.sendgrid.next_behavior())
        else:
            self._send_error(404, [(_ERROR_TEXTS[404], None)])

    def _send(self, body: bytes, behavior: Behavior) -> None:
        sendgrid = self.server.sendgrid
        if behavior == "reset":
            self._cut()
        elif behavior == "hang":
            sendgrid.wait()
        elif isinstance(behavior, int) and behavior != 202:
            self._send_error(behavior, [(_ERROR_TEXTS.get(behavior, "The request was rejected."), None)])
        elif status := self._rejection_status(body):
            self._send_error(status, [(_ERROR_TEXTS[status], None)])
        elif errors := find_errors(json.loads(body)):
            self._send_error(400, [(message, None if sendgrid.vague else path) for message, path in errors])
        else:
            self._accept(json.loads(body), behavior)

    def _rejection_status(self, body: bytes) -> int | None:
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

    def _accept(self, payload: dict[str, Any], behavior: Behavior) -> None:
        message_id = self.server.sendgrid.accept(payload, answered=behavior == 202)
        if behavior == "swallow":
            self._cut()
        elif behavior == "hold":
            self.server.sendgrid.wait()
        else:
            self._answer(202, None, {"X-Message-Id": message_id})

    def _cut(self) -> None:
        """Close the connection with a reset, as a crashing host does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _send_error(self, status: int, errors: list[FieldError]) -> None:
        retry_after = self.server.sendgrid.retry_after
        document = {"errors": [{"message": message, "field": path, "help": None} for message, path in errors]}
        self._answer(status, document, {"Retry-After": retry_after} if retry_after and status in (429, 503) else {})

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


_ERROR_TEXTS = {
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
    """Serve until the process is stopped; print the URL once the fake listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--vague", action="store_true")
    options = parser.parse_args()
    sendgrid = SendGrid(options.port, vague=options.vague)
    print(sendgrid.url, flush=True)
    sendgrid.serve()


if __name__ == "__main__":
    main()

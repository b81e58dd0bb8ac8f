"""Django's mail backend on SendGrid's v3 API, through its SDK.

``send_messages`` takes ordinary messages of Django, one request each; ``send_batch`` one content for up to 1,000
recipients in one
request. Never retries by itself: whoever sends knows whether the same mail may go again.
"""

import base64
import http.client
import json
import urllib.error
from collections.abc import Sequence
from email.mime.base import MIMEBase
from email.utils import parseaddr
from typing import Any

import structlog
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.utils.encoding import punycode
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from mailings import rules
from mailings.contracts import Content, Outcome, RenderedMail, SendResult

log = structlog.get_logger(__name__)

Payload = dict[str, Any]
# headers that the provider writes itself and refuses to be told
_RESERVED = {
    "x-sg-id",
    "x-sg-eid",
    "received",
    "dkim-signature",
    "content-type",
    "content-transfer-encoding",
    "mime-version",
    "to",
    "from",
    "subject",
    "reply-to",
    "cc",
    "bcc",
    "date",
}
_ORDER = {"text/plain": 0, "text/html": 1}
_NO_TRACKING = {
    "click_tracking": {"enable": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}


class SendGridError(Exception):
    """SendGrid did not take a message; ``answer`` says whether it may be sent again."""

    def __init__(self, answer: SendResult) -> None:
        super().__init__(answer.error)
        self.answer = answer


class SendGridBackend(BaseEmailBackend):
    """Mails through SendGrid, each request with a time limit of ``settings.SENDGRID_TIMEOUT`` seconds."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send each message; how many were accepted. Raises SendGridError at the first that was not, unless it is to
        fail silently.
        """
        accepted = 0
        for message in email_messages:
            if not message.recipients():
                continue
            answer = post(payload_of(message))
            if answer.outcome is Outcome.ACCEPTED:
                message.extra_headers.setdefault("X-Message-Id", answer.message_id)
                accepted += 1
            elif not self.fail_silently:
                raise SendGridError(answer)
        return accepted

    def send_batch(self, *, content: Content, letters: Sequence[RenderedMail]) -> SendResult:
        """Send the content to up to 1,000 recipients in one request, all or none; what came of it. Raises nothing."""
        return post(batch_payload(content, letters))


def post(payload: Payload) -> SendResult:
    """One request to the API. Raises nothing: every way in which it can go wrong is an answer."""
    client = SendGridAPIClient(settings.SENDGRID_API_KEY, host=settings.SENDGRID_URL.rstrip("/"))
    client.client.timeout = settings.SENDGRID_TIMEOUT
    try:
        response = client.send(payload)
        return rules.parse_response(response.status_code, _json(response.body), dict(response.headers.items()))
    except HTTPError as error:
        return rules.parse_response(error.status_code, _json(error.body), dict(error.headers.items()))
    except urllib.error.URLError as error:
        # raised before the request was out in full: the provider cannot have taken it
        return SendResult(Outcome.RETRY, f"not reached: {error.reason}"[:500])
    except (OSError, http.client.HTTPException) as error:
        # the request was out, the answer did not come: the provider may have taken it
        return SendResult(Outcome.UNKNOWN, f"no answer: {type(error).__name__} {error}"[:500])


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return body[:200].decode(errors="replace")


def batch_payload(content: Content, letters: Sequence[RenderedMail]) -> Payload:
    """One content and a personalisation for each letter, which carries the mail's id back in every event."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    payload: Payload = {
        "personalizations": [_personalization(letter) for letter in letters],
        "from": _named(content.from_name or address[0], address[1]),
        "subject": content.subject,
        "content": [{"type": "text/plain", "value": content.text}, {"type": "text/html", "value": content.html}],
        "tracking_settings": _NO_TRACKING,
    }
    if content.reply_to:
        payload["reply_to"] = {"email": content.reply_to}
    return payload


def _personalization(letter: RenderedMail) -> Payload:
    personalization: Payload = {
        "to": [_named(letter.name, letter.address)],
        "substitutions": rules.substitutions(letter),
        "custom_args": {"mail_id": str(letter.id)},
    }
    if headers := rules.list_headers(letter):
        personalization["headers"] = headers
    return personalization


def payload_of(message: EmailMessage) -> Payload:
    """A message of Django's as the API takes it. Raises BadHeaderError for a header with a line break."""
    message.message()  # refuses what no mail may have in its headers
    payload: Payload = {
        "personalizations": _addressed(message),
        "from": _parsed(str(message.extra_headers.get("From", message.from_email))),
        "subject": str(message.subject) or " ",
        "content": _contents(message),
        "tracking_settings": _NO_TRACKING,
    }
    if reply_to := [_parsed(str(address)) for address in message.reply_to]:
        payload["reply_to_list"] = reply_to
    if headers := {name: str(value) for name, value in message.extra_headers.items() if name.lower() not in _RESERVED}:
        payload["headers"] = headers
    if attachments := [_attachment(attachment) for attachment in message.attachments]:
        payload["attachments"] = attachments
    return payload


def _addressed(message: EmailMessage) -> list[Payload]:
    """Who gets it; each address once, since the API refuses a second mention. Without a ``to``, each hidden recipient
    gets a copy alone.
    """
    seen: set[str] = set()
    fields: dict[str, list[Payload]] = {}
    for field in ("to", "cc", "bcc"):
        for address in map(_parsed, map(str, getattr(message, field))):
            if address["email"].lower() not in seen:
                seen.add(address["email"].lower())
                fields.setdefault(field, []).append(address)
    if "to" in fields:
        return [fields]
    return [{"to": [address]} for addresses in fields.values() for address in addresses]


def _contents(message: EmailMessage) -> list[Payload]:
    """Plain text first, as the API demands; never empty."""
    contents = [{"type": f"text/{message.content_subtype}", "value": str(message.body) or " "}]
    contents += [
        {"type": str(mimetype), "value": str(value)} for value, mimetype in getattr(message, "alternatives", None) or []
    ]
    return sorted(contents, key=lambda content: _ORDER.get(content["type"], 2))


def _attachment(attachment: Any) -> Payload:
    if isinstance(attachment, MIMEBase):
        data, name, mimetype = (
            attachment.get_payload(decode=True),
            attachment.get_filename(),
            attachment.get_content_type(),
        )
        content_id = str(attachment.get("Content-ID", "")).strip("<>")
    else:
        name, data, mimetype = attachment
        content_id = ""
    data = (
        data.encode() if isinstance(data, str) else data.as_bytes() if hasattr(data, "as_bytes") else bytes(data or b"")
    )
    encoded: Payload = {
        "content": base64.b64encode(data).decode(),
        "filename": name or "attachment",
        "type": mimetype or "application/octet-stream",
    }
    return encoded | ({"disposition": "inline", "content_id": content_id} if content_id else {})


def _parsed(text: str) -> Payload:
    return _named(*parseaddr(text))


def _named(name: str, address: str) -> Payload:
    """An address as the API takes it; a domain with other letters than ASCII in its ASCII form."""
    local, at, domain = address.rpartition("@")
    email = f"{local}{at}{punycode(domain)}" if not domain.isascii() else address
    return {"email": email} | ({"name": name} if name else {})

"""Django mail backend on SendGrid's v3 API, through its SDK.

``send_messages`` sends Django's messages, one request each; ``send_batch`` sends one content to up to 1,000 recipients
in one request. Neither retries, because only the caller knows whether an email may be sent again.
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
# headers that the provider sets itself and rejects in requests
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
    """SendGrid did not accept a message; ``result`` says whether it can be sent again."""

    def __init__(self, result: SendResult) -> None:
        super().__init__(result.error)
        self.result = result


class SendGridBackend(BaseEmailBackend):
    """Mail backend of SendGrid, with a timeout of ``settings.SENDGRID_TIMEOUT`` seconds per request."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send the messages and return the number of accepted ones.

        Raises SendGridError at the first that was not accepted, unless ``fail_silently`` is set.
        """
        accepted = 0
        for message in email_messages:
            if not message.recipients():
                continue
            result = send_payload(build_message_payload(message))
            if result.outcome is Outcome.ACCEPTED:
                message.extra_headers.setdefault("X-Message-Id", result.message_id)
                accepted += 1
            elif not self.fail_silently:
                raise SendGridError(result)
        return accepted

    def send_batch(self, *, content: Content, mails: Sequence[RenderedMail]) -> SendResult:
        """Send the content to up to 1,000 recipients in one request, all or none. Raises nothing."""
        return send_payload(build_batch_payload(content, mails))


def send_payload(payload: Payload) -> SendResult:
    """Send a request to the API. Raises nothing: every failure is a result."""
    client = SendGridAPIClient(settings.SENDGRID_API_KEY, host=settings.SENDGRID_URL.rstrip("/"))
    client.client.timeout = settings.SENDGRID_TIMEOUT
    try:
        response = client.send(payload)
        return rules.parse_response(response.status_code, _json(response.body), dict(response.headers.items()))
    except HTTPError as error:
        return rules.parse_response(error.status_code, _json(error.body), dict(error.headers.items()))
    except urllib.error.URLError as error:
        # raised before the request was sent in full, so the provider cannot have accepted it
        return SendResult(Outcome.RETRY, f"Connection failed: {error.reason}"[:500])
    except (OSError, http.client.HTTPException) as error:
        # the request was sent without a response, so the provider may have accepted it
        return SendResult(Outcome.UNKNOWN, f"No response: {type(error).__name__} {error}"[:500])


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"null")
    except ValueError:
        return body[:200].decode(errors="replace")


def build_batch_payload(content: Content, mails: Sequence[RenderedMail]) -> Payload:
    """Return a payload with a personalization per recipient, whose events return the email's ID."""
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    payload: Payload = {
        "personalizations": [_personalization(mail) for mail in mails],
        "from": _to_address(content.from_name or address[0], address[1]),
        "subject": content.subject,
        "content": [{"type": "text/plain", "value": content.text}, {"type": "text/html", "value": content.html}],
        "tracking_settings": _NO_TRACKING,
    }
    if content.reply_to:
        payload["reply_to"] = {"email": content.reply_to}
    return payload


def _personalization(mail: RenderedMail) -> Payload:
    personalization: Payload = {
        "to": [_to_address(mail.name, mail.address)],
        "substitutions": rules.substitutions(mail),
        "custom_args": {"mail_id": str(mail.id)},
    }
    if headers := rules.list_headers(mail):
        personalization["headers"] = headers
    return personalization


def build_message_payload(message: EmailMessage) -> Payload:
    """Return the payload of a Django message. Raises BadHeaderError for a header with a line break."""
    message.message()  # raises BadHeaderError
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
    """Return the recipients, each address once, since the API rejects duplicates.

    Without a ``to``, each hidden recipient gets a copy of their own.
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
    """Return the contents in the API's order, with plain text first; never empty."""
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
    return _to_address(*parseaddr(text))


def _to_address(name: str, address: str) -> Payload:
    """Return an address in the API's format, with the ASCII form of an internationalized domain."""
    local, at, domain = address.rpartition("@")
    email = f"{local}{at}{punycode(domain)}" if not domain.isascii() else address
    return {"email": email} | ({"name": name} if name else {})

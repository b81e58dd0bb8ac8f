"""Decisions about emails: retry delays, tags, the provider's responses and events."""

import html
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from core.backoff import exponential_delay
from mailings.contracts import (
    NAME_HTML_TAG,
    NAME_TAG,
    PERSONAL_TAG,
    UNSUBSCRIBE_TAG,
    MailStatus,
    Outcome,
    Reason,
    RenderedMail,
    SendResult,
)

MAX_ATTEMPTS = 24  # with the delays below: most of a day
_FAILED_INDEX = re.compile(r"personalizations\.(\d+)(\.|$)")
_TAG = re.compile("|".join(map(re.escape, (NAME_HTML_TAG, NAME_TAG, PERSONAL_TAG, UNSUBSCRIBE_TAG))))
_GATEWAY_TIMEOUT = 504


def retry_delay(attempts: int) -> timedelta:
    """Return the delay after a number of attempts: 30 s, doubling up to one hour."""
    return exponential_delay(attempts, first=30, maximum=3600)


def parse_response(status: int, body: Any, headers: Mapping[str, str]) -> SendResult:
    """Return what a response of the provider means for the emails of the request.

    429 and 5xx are retried. So are 401, 403 and errors in what all emails share, such as the sender's address, because
    an operator can correct the settings. After 504 the provider may have continued behind its gateway, so the outcome
    is unknown, as after any undocumented response.
    """
    if status == 202:
        return SendResult(Outcome.ACCEPTED, message_id=headers.get("X-Message-Id", "")[:100])
    errors = _field_errors(body)
    error = f"{status}: {_error_text(errors, body)}"[:500]
    if status in (401, 403, 429) or (status >= 500 and status != _GATEWAY_TIMEOUT):
        return SendResult(Outcome.RETRY, error, wait=_wait(headers))
    if not 400 <= status < 500:
        return SendResult(Outcome.UNKNOWN, error)
    fields = [str(field_error["field"]) for field_error in errors if field_error.get("field")]
    failed_indexes = frozenset(int(match[1]) for field in fields if (match := _FAILED_INDEX.match(field)))
    if fields and not failed_indexes:  # the error is in what all emails share
        return SendResult(Outcome.RETRY, error)
    return SendResult(Outcome.REJECTED, error, failed_indexes=failed_indexes)


def _field_errors(body: Any) -> list[dict[str, Any]]:
    errors = body.get("errors") if isinstance(body, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _error_text(errors: list[dict[str, Any]], body: Any) -> str:
    text = "; ".join(f"{error.get('message')} ({error.get('field')})" for error in errors[:5])
    return text or str(body or "no reason given")


def _wait(headers: Mapping[str, str]) -> int:
    value = headers.get("Retry-After", "")
    return min(3600, int(value)) if value.isascii() and value.isdigit() else 0


def render_tags(text: str, mail: RenderedMail) -> str:
    """Return the text with the tags replaced by the recipient's values."""
    values = substitutions(mail)
    return _TAG.sub(lambda match: values[match[0]], text)


def substitutions(mail: RenderedMail) -> dict[str, str]:
    """Return the recipient's value of each tag."""
    return {
        NAME_TAG: mail.name,
        NAME_HTML_TAG: html.escape(mail.name),
        PERSONAL_TAG: html.escape(mail.personal_text),
        UNSUBSCRIBE_TAG: mail.unsubscribe_url,
    }


def list_headers(mail: RenderedMail) -> dict[str, str]:
    """Return the headers of one-click unsubscription (RFC 8058), if the email offers it."""
    if not mail.unsubscribe_url:
        return {}
    return {"List-Unsubscribe": f"<{mail.unsubscribe_url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


# reasons of dropped emails that suppress their address
_DROP_REASONS = {
    "bounced address": Reason.BOUNCE,
    "spam reporting address": Reason.COMPLAINT,
    "unsubscribed address": Reason.UNSUBSCRIBE,
}
DELIVERING = frozenset({"processed", "delivered"})
FAILING = frozenset({"bounce", "dropped"})


def suppression_for(event: Mapping[str, Any]) -> tuple[Reason, bool] | None:
    """Return why an event suppresses its address, and whether for all senders; None for other events.

    A bounce of type ``blocked`` is temporary. A drop repeats the reason that the provider has stored for the address.
    """
    kind = event.get("event")
    if kind == "bounce":
        return None if event.get("type") == "blocked" else (Reason.BOUNCE, True)
    if kind == "dropped":
        reason = _DROP_REASONS.get(str(event.get("reason", "")).lower())
        return None if reason is None else (reason, reason is not Reason.UNSUBSCRIBE)
    if kind == "spamreport":
        return Reason.COMPLAINT, True
    return (Reason.UNSUBSCRIBE, False) if kind in ("unsubscribe", "group_unsubscribe") else None


def summarize_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return ``{"planned", "sent", "failed"}``: all emails, those sent, and those failed or unknown."""
    return {
        "planned": sum(counts.values()),
        "sent": counts.get(MailStatus.SENT, 0),
        "failed": counts.get(MailStatus.FAILED, 0) + counts.get(MailStatus.UNKNOWN, 0),
    }

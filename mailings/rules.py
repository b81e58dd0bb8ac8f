"""Decisions about mails: values in, values out."""

import html
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

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

MAX_ATTEMPTS = 24  # with the waits below: most of a day
_FAILED_INDEX = re.compile(r"personalizations\.(\d+)(\.|$)")
_TAG = re.compile("|".join(map(re.escape, (NAME_HTML_TAG, NAME_TAG, PERSONAL_TAG, UNSUBSCRIBE_TAG))))
_GATEWAY_TIMEOUT = 504


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 30 s doubling up to one hour."""
    return timedelta(seconds=min(3600, 30 * 2 ** max(0, attempts - 1)))


def parse_response(status: int, body: Any, headers: Mapping[str, str]) -> SendResult:
    """What a reply of the provider means for the mails of the request.

    429 and 5xx are refusals to be tried again. So are 401, 403 and faults that the provider finds in what all mails
    share, such as the sender's address: they speak of our settings, which an operator mends, and not of the recipients.
    After 504 the provider may have worked on behind its gateway, so that is doubtful, as is any answer that it does
    not document.
    """
    if status == 202:
        return SendResult(Outcome.ACCEPTED, message_id=headers.get("X-Message-Id", "")[:100])
    faults = _field_errors(body)
    error = f"{status}: {_error_text(faults, body)}"[:500]
    if status in (401, 403, 429) or (status >= 500 and status != _GATEWAY_TIMEOUT):
        return SendResult(Outcome.RETRY, error, wait=_wait(headers))
    if not 400 <= status < 500:
        return SendResult(Outcome.UNKNOWN, error)
    named = [str(fault["field"]) for fault in faults if fault.get("field")]
    culprits = frozenset(int(match[1]) for field in named if (match := _FAILED_INDEX.match(field)))
    ours = bool(named) and not culprits
    return SendResult(Outcome.RETRY, error) if ours else SendResult(Outcome.REJECTED, error, failed_indexes=culprits)


def _field_errors(body: Any) -> list[dict[str, Any]]:
    faults = body.get("errors") if isinstance(body, dict) else None
    return [fault for fault in faults if isinstance(fault, dict)] if isinstance(faults, list) else []


def _error_text(faults: list[dict[str, Any]], body: Any) -> str:
    told = "; ".join(f"{fault.get('message')} ({fault.get('field')})" for fault in faults[:5])
    return told or str(body or "no reason given")


def _wait(headers: Mapping[str, str]) -> int:
    value = headers.get("Retry-After", "")
    return min(3600, int(value)) if value.isascii() and value.isdigit() else 0


def render_tags(text: str, letter: RenderedMail) -> str:
    """The text with the recipient's own words in place of the tags."""
    own = substitutions(letter)
    return _TAG.sub(lambda match: own[match[0]], text)


def substitutions(letter: RenderedMail) -> dict[str, str]:
    """Each tag and what stands there for this recipient."""
    return {
        NAME_TAG: letter.name,
        NAME_HTML_TAG: html.escape(letter.name),
        PERSONAL_TAG: html.escape(letter.personal_text),
        UNSUBSCRIBE_TAG: letter.unsubscribe_url,
    }


def list_headers(letter: RenderedMail) -> dict[str, str]:
    """The headers of one-click unsubscribe (RFC 8058), where the mail offers it."""
    if not letter.unsubscribe_url:
        return {}
    return {"List-Unsubscribe": f"<{letter.unsubscribe_url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


# the provider's events that end a mail or silence an address: the reason, and whether it speaks of every sender
_DROP_REASONS = {
    "bounced address": Reason.BOUNCE,
    "spam reporting address": Reason.COMPLAINT,
    "unsubscribed address": Reason.UNSUBSCRIBE,
}
DELIVERING = frozenset({"processed", "delivered"})
FAILING = frozenset({"bounce", "dropped"})


def suppression_for(event: Mapping[str, Any]) -> tuple[Reason, bool] | None:
    """Why the address is left alone from now on, and whether by everybody; None for an event that silences nobody.

    A bounce of type ``blocked`` is a passing refusal. A drop repeats what the provider holds against the address.
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


def progress(counts: Mapping[str, int]) -> dict[str, int]:
    """``{"planned", "sent", "failed"}``: everyone who was planned, who was sent a mail, and to whom it could not be
    sent for certain.
    """
    return {
        "planned": sum(counts.values()),
        "sent": counts.get(MailStatus.SENT, 0),
        "failed": counts.get(MailStatus.FAILED, 0) + counts.get(MailStatus.UNKNOWN, 0),
    }

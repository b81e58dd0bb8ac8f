"""Decisions about services outside: values in, values out."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from integrations.contracts import DeliveryFailed

MAX_BACKOFF = 900.0  # seconds
FAILURES_TO_OPEN = 5
_FAILING_STATUSES = (408, 425, 500, 501, 502, 503, 504)


def back_off(failures: int, chance: float) -> timedelta:
    """How long to wait after so many failures in a row: 5 s doubling up to a quarter of an hour, of which ``chance``
    (0 to 1) takes off up to the half, so that those who failed together do not come back together.
    """
    whole = min(MAX_BACKOFF, 5.0 * 2 ** min(16, max(0, failures - 1)))
    return timedelta(seconds=whole * (1 - chance / 2))


def open_duration(failures: int) -> timedelta | None:
    """How long a service is left alone after so many failures in a row, whoever called it: not at all before
    ``FAILURES_TO_OPEN``, then 30 s doubling up to a quarter of an hour.
    """
    beyond = failures - FAILURES_TO_OPEN
    return None if beyond < 0 else timedelta(seconds=min(MAX_BACKOFF, 30.0 * 2 ** min(16, beyond)))


def parse_response(status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> dict[str, Any]:
    """The document that a service answered with 2xx; an empty one where it answered none. Raises NotTaken."""
    if 300 <= status < 400:
        raise DeliveryFailed("it redirects elsewhere, which is not followed")
    if status >= 400:
        wait = parse_retry_after(headers.get("Retry-After", ""), at) if status in (429, 503) else 0
        reason = f"it answered {status}{_error_text(body)}"
        raise DeliveryFailed(reason, wait=wait, ill=status in _FAILING_STATUSES, status=status)
    document = _document(body)
    if not isinstance(document, dict):
        raise DeliveryFailed("it answered what is not JSON", ill=True)
    return document


def parse_retry_after(text: str, at: datetime) -> int:
    """How many seconds a Retry-After header (seconds, or a date) asks for: at most an hour, 0 for nonsense."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(3600, int(text[:9]))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return 0
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return int(min(3600.0, max(0.0, (until - at).total_seconds())))


def _document(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None


def _error_text(body: bytes) -> str:
    """The service's own reason, where it gives one (``detail`` or ``title``, as in RFC 9457)."""
    document = _document(body)
    told = (document.get("detail") or document.get("title")) if isinstance(document, dict) else None
    return f": {' '.join(told.split())[:200]}" if isinstance(told, str) and "\0" not in told else ""

"""Retry delays and the interpretation of responses of external services."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from core.backoff import exponential_delay
from integrations.contracts import DeliveryFailed

MAX_BACKOFF = 900.0  # seconds
FAILURES_TO_OPEN = 5
_FAILING_STATUSES = (408, 425, 500, 501, 502, 503, 504)


def retry_delay(failures: int, jitter: float) -> timedelta:
    """Return the delay after consecutive failures: 5 s, doubling up to 15 minutes.

    ``jitter`` (0 to 1) shortens it by up to half, so that jobs which failed together are not retried together.
    """
    return exponential_delay(failures, first=5, maximum=MAX_BACKOFF) * (1 - jitter / 2)


def open_duration(failures: int) -> timedelta | None:
    """Return how long the circuit breaker opens after consecutive failures: 30 s, doubling up to 15 minutes.

    Return None below ``FAILURES_TO_OPEN``.
    """
    if failures < FAILURES_TO_OPEN:
        return None
    return exponential_delay(failures - FAILURES_TO_OPEN + 1, first=30, maximum=MAX_BACKOFF)


def parse_response(status: int, headers: Mapping[str, str], body: bytes, at: datetime) -> dict[str, Any]:
    """Return the JSON document of a 2xx response, empty for an empty body. Raises DeliveryFailed."""
    if 300 <= status < 400:
        raise DeliveryFailed("unexpected redirect")
    if status >= 400:
        wait = parse_retry_after(headers.get("Retry-After", ""), at) if status in (429, 503) else 0
        reason = f"HTTP {status}{_error_text(body)}"
        raise DeliveryFailed(reason, retry_after=wait, is_service_failure=status in _FAILING_STATUSES, status=status)
    document = _document(body)
    if not isinstance(document, dict):
        raise DeliveryFailed("invalid JSON response", is_service_failure=True)
    return document


def parse_retry_after(text: str, at: datetime) -> int:
    """Return the seconds of a Retry-After header (seconds or a date), up to an hour; 0 if it is invalid."""
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
    """Return the reason that the service gives (``detail`` or ``title``, as in RFC 9457), if any."""
    document = _document(body)
    reason = (document.get("detail") or document.get("title")) if isinstance(document, dict) else None
    return f": {' '.join(reason.split())[:200]}" if isinstance(reason, str) and "\0" not in reason else ""

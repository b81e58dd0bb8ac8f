"""Rate limits against abuse, counted in Redis in one atomic call.

DRF's own throttles read before they write, so concurrent requests exceed the limit; these count first. While Redis is
unavailable, a limit fails either open (for shoppers) or closed (for logins and code lookups, which attackers target).
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core import redis
from core.errors import Throttled, Unavailable

if TYPE_CHECKING:
    from rest_framework.views import APIView

COUNT = "core/lua/count_hit.lua"
PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit of ``hits`` within ``seconds``; with ``fail_closed`` it rejects requests while Redis is unavailable."""

    scope: str
    hits: int
    seconds: int
    fail_closed: bool = False

    @classmethod
    def of(cls, scope: str) -> "RateLimit":
        """Return the limit that ``settings.THROTTLES[scope]`` declares, for example ``"10/minute closed"``."""
        return _limit(scope, settings.THROTTLES[scope])


@cache
def _limit(scope: str, rate: str) -> RateLimit:
    rate_text, _, fail_closed = rate.partition(" ")
    hits, _, period = rate_text.partition("/")
    return RateLimit(scope, int(hits), PERIODS[period], fail_closed == "closed")


def consume(scope: str, caller: str, *, failure_scope: str = "") -> None:
    """Count a hit of a caller; with ``failure_scope``, also check that limit in the same round trip.

    Raises Throttled above a limit, and Unavailable if Redis is unavailable and a limit fails closed.
    """
    limit = RateLimit.of(scope)
    others = [RateLimit.of(failure_scope)] if failure_scope else []
    reads = [command for other in others for command in _read(other, caller)]
    answers = _execute(
        [limit, *others], redis.evalsha_command(COUNT, _key(scope, caller), limit.seconds * 1000), *reads
    )
    if answers:
        (hits, left), *looked = answers
        _raise_if_throttled(hits > limit.hits, left)
        for other, (count, rest) in zip(others, zip(looked[::2], looked[1::2], strict=True), strict=True):
            _raise_if_throttled(int(count or 0) >= other.hits, rest)


def peek(scope: str, caller: str) -> None:
    """Check a limit without counting a hit, for limits on failures.

    Raises Throttled if it is used up, and Unavailable as ``consume`` does.
    """
    limit = RateLimit.of(scope)
    if answers := _execute([limit], *_read(limit, caller)):
        hits, left = answers
        _raise_if_throttled(int(hits or 0) >= limit.hits, left)


def _read(limit: RateLimit, caller: str) -> tuple[redis.Command, redis.Command]:
    key = _key(limit.scope, caller)
    return ("GET", key), ("PTTL", key)


def _execute(limits: Sequence[RateLimit], *commands: redis.Command) -> list[Any]:
    """Return the replies, or an empty list while Redis is unavailable.

    Raises Unavailable then if one of the limits fails closed.
    """
    try:
        return redis.execute_pipeline(*commands)
    except redis.Error as error:
        if any(limit.fail_closed for limit in limits):
            raise Unavailable from error
        return []


def _raise_if_throttled(is_exceeded: bool, milliseconds_left: int) -> None:
    if is_exceeded:
        raise Throttled(max(1, math.ceil(milliseconds_left / 1000)))


def _key(scope: str, caller: str) -> str:
    return redis.key("throttle", hashlib.sha256(f"{scope}\0{caller}".encode()).hexdigest()[:32])


def client_ip(request: HttpRequest | Request) -> str:
    """Return the client's IP address: that of the socket, or the one that the outermost trusted proxy added."""
    hops = settings.TRUSTED_PROXIES
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return str(forwarded[-hops])
    return str(request.META.get("REMOTE_ADDR", ""))


def scope_of(view: object) -> str:
    """Return the rate limit scope of a view."""
    return str(getattr(view, "throttle_scope", "api"))


class CallerThrottle(BaseThrottle):
    """A throttle by the view's ``throttle_scope`` (default ``api``), per caller, or per IP address if anonymous.

    A POST to a view with ``throttle_failure_scope`` is also rejected when the caller has used up that limit.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        caller = getattr(request.auth, "identity", None)
        failure_scope = getattr(view, "throttle_failure_scope", "") if request.method == "POST" else ""
        consume(scope_of(view), caller or f"address:{client_ip(request)}", failure_scope=failure_scope)
        return True

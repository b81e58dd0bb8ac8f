"""Abuse limits, counted in Redis in one atomic call.

DRF's own throttle reads, then writes, and lets many through at once; this one counts first. When Redis is away a limit
either fails open (shoppers keep shopping) or closed (logins and code look-ups, which are what an attacker would want
open).
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
    """``hits`` within ``seconds``; ``closed`` says what to do when Redis is away."""

    scope: str
    hits: int
    seconds: int
    fail_closed: bool = False

    @classmethod
    def of(cls, scope: str) -> "RateLimit":
        """The limit that ``settings.THROTTLES[scope]`` declares, such as ``"10/minute closed"``."""
        return _limit(scope, settings.THROTTLES[scope])


@cache
def _limit(scope: str, rate: str) -> RateLimit:
    often, _, fail_closed = rate.partition(" ")
    hits, _, period = often.partition("/")
    return RateLimit(scope, int(hits), PERIODS[period], fail_closed == "closed")


def consume(scope: str, who: str, *, failure_scope: str = "") -> None:
    """Count one hit of ``who``; with ``misses``, look in the same round trip whether they have used up that limit too.

    Raises Throttled above the limit, Unavailable when Redis is away and a limit is closed.
    """
    limit = RateLimit.of(scope)
    others = [RateLimit.of(failure_scope)] if failure_scope else []
    looks = [command for other in others for command in _read(other, who)]
    answers = _execute([limit, *others], redis.evalsha_command(COUNT, _key(scope, who), limit.seconds * 1000), *looks)
    if answers:
        (hits, left), *looked = answers
        _raise_if_throttled(hits > limit.hits, left)
        for other, (count, rest) in zip(others, zip(looked[::2], looked[1::2], strict=True), strict=True):
            _raise_if_throttled(int(count or 0) >= other.hits, rest)


def peek(scope: str, who: str) -> None:
    """Raises as ``hit`` would for one who has used the limit up, and counts nothing: for limits on misses only."""
    limit = RateLimit.of(scope)
    if answers := _execute([limit], *_read(limit, who)):
        hits, left = answers
        _raise_if_throttled(int(hits or 0) >= limit.hits, left)


def _read(limit: RateLimit, who: str) -> tuple[redis.Command, redis.Command]:
    key = _key(limit.scope, who)
    return ("GET", key), ("PTTL", key)


def _execute(limits: Sequence[RateLimit], *commands: redis.Command) -> list[Any]:
    """The answers; none when Redis is away. Raises Unavailable then, if one of the limits is closed."""
    try:
        return redis.execute_pipeline(*commands)
    except redis.Error as error:
        if any(limit.fail_closed for limit in limits):
            raise Unavailable from error
        return []


def _raise_if_throttled(refused: bool, left: int) -> None:
    if refused:
        raise Throttled(max(1, math.ceil(left / 1000)))


def _key(scope: str, who: str) -> str:
    return redis.key("throttle", hashlib.sha256(f"{scope}\0{who}".encode()).hexdigest()[:32])


def client_ip(request: HttpRequest | Request) -> str:
    """The caller's network address: the socket's, or the entry that the outermost trusted proxy added."""
    hops = settings.TRUSTED_PROXIES
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return str(forwarded[-hops])
    return str(request.META.get("REMOTE_ADDR", ""))


def scope_of(view: object) -> str:
    """The limit that a view's calls count on."""
    return str(getattr(view, "throttle_scope", "api"))


class CallerThrottle(BaseThrottle):
    """The view's ``throttle_scope`` (default ``api``), per caller, or per address for whoever is not signed in.

    A POST to a view with ``throttle_misses`` is refused to a caller who has used that limit up, too.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        caller = getattr(request.auth, "identity", None)
        failure_scope = getattr(view, "throttle_misses", "") if request.method == "POST" else ""
        consume(scope_of(view), caller or f"address:{client_ip(request)}", failure_scope=failure_scope)
        return True

"""Abuse limits, counted in Redis in one atomic call.

DRF's own throttle reads, then writes, and lets many through at once; this one counts first. When Redis is away a limit
either fails open (shoppers keep shopping) or closed (logins and code look-ups, which are what an attacker would want
open).
"""

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from promoplatform.kernel import redis
from promoplatform.kernel.errors import Throttled, Unavailable

if TYPE_CHECKING:
    from rest_framework.views import APIView

COUNT = "promoplatform/kernel/lua/count_hit.lua"
PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class Limit:
    """``hits`` within ``seconds``; ``closed`` says what to do when Redis is away."""

    scope: str
    hits: int
    seconds: int
    closed: bool = False

    @classmethod
    def of(cls, scope: str) -> "Limit":
        """The limit that ``settings.THROTTLES[scope]`` declares, such as ``"10/minute closed"``."""
        rate, _, closed = settings.THROTTLES[scope].partition(" ")
        hits, _, period = rate.partition("/")
        return cls(scope, int(hits), PERIODS[period], closed == "closed")


def hit(scope: str, who: str) -> None:
    """Count one hit of ``who``.

    Raises Throttled above the limit, Unavailable when Redis is away and the limit is closed.
    """
    limit = Limit.of(scope)
    try:
        hits, left = redis.script(COUNT)(keys=[_key(scope, who)], args=[limit.seconds * 1000])  # type: ignore[misc]
    except redis.Error as error:
        if limit.closed:
            raise Unavailable from error
        return
    if hits > limit.hits:
        raise Throttled(max(1, math.ceil(left / 1000)))


def check(scope: str, who: str) -> None:
    """Raises as ``hit`` would for one who has used the limit up, and counts nothing: for limits on misses only."""
    limit = Limit.of(scope)
    try:
        pipeline = redis.client().pipeline(transaction=False)
        pipeline.get(_key(scope, who))
        pipeline.pttl(_key(scope, who))
        hits, left = pipeline.execute()
    except redis.Error as error:
        if limit.closed:
            raise Unavailable from error
        return
    if int(hits or 0) >= limit.hits:
        raise Throttled(max(1, math.ceil(left / 1000)))


def _key(scope: str, who: str) -> str:
    return redis.key("throttle", hashlib.sha256(f"{scope}\0{who}".encode()).hexdigest()[:32])


def address(request: HttpRequest | Request) -> str:
    """The caller's network address: the socket's, or the entry that the outermost trusted proxy added."""
    hops = settings.TRUSTED_PROXIES
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return str(forwarded[-hops])
    return str(request.META.get("REMOTE_ADDR", ""))


class CallerThrottle(BaseThrottle):
    """The view's ``throttle_scope`` (default ``api``), per caller, or per address for whoever is not signed in."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        caller = getattr(request.auth, "identity", None)
        hit(getattr(view, "throttle_scope", "api"), caller or f"address:{address(request)}")
        return True

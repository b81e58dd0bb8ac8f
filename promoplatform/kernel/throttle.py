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
        return _limit(scope, settings.THROTTLES[scope])


@cache
def _limit(scope: str, rate: str) -> Limit:
    often, _, closed = rate.partition(" ")
    hits, _, period = often.partition("/")
    return Limit(scope, int(hits), PERIODS[period], closed == "closed")


def hit(scope: str, who: str, *, misses: str = "") -> None:
    """Count one hit of ``who``; with ``misses``, look in the same round trip whether they have used up that limit too.

    Raises Throttled above the limit, Unavailable when Redis is away and a limit is closed.
    """
    limit = Limit.of(scope)
    others = [Limit.of(misses)] if misses else []
    looks = [command for other in others for command in _look(other, who)]
    answers = _ask([limit, *others], redis.evaluate(COUNT, _key(scope, who), limit.seconds * 1000), *looks)
    if answers:
        (hits, left), *looked = answers
        _refuse(hits > limit.hits, left)
        for other, (count, rest) in zip(others, zip(looked[::2], looked[1::2], strict=True), strict=True):
            _refuse(int(count or 0) >= other.hits, rest)


def check(scope: str, who: str) -> None:
    """Raises as ``hit`` would for one who has used the limit up, and counts nothing: for limits on misses only."""
    limit = Limit.of(scope)
    if answers := _ask([limit], *_look(limit, who)):
        hits, left = answers
        _refuse(int(hits or 0) >= limit.hits, left)


def _look(limit: Limit, who: str) -> tuple[redis.Command, redis.Command]:
    key = _key(limit.scope, who)
    return ("GET", key), ("PTTL", key)


def _ask(limits: Sequence[Limit], *commands: redis.Command) -> list[Any]:
    """The answers; none when Redis is away. Raises Unavailable then, if one of the limits is closed."""
    try:
        return redis.ask(*commands)
    except redis.Error as error:
        if any(limit.closed for limit in limits):
            raise Unavailable from error
        return []


def _refuse(refused: bool, left: int) -> None:
    if refused:
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


def scope_of(view: object) -> str:
    """The limit that a view's calls count on."""
    return str(getattr(view, "throttle_scope", "api"))


class CallerThrottle(BaseThrottle):
    """The view's ``throttle_scope`` (default ``api``), per caller, or per address for whoever is not signed in.

    A POST to a view with ``throttle_misses`` is refused to a caller who has used that limit up, too.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        caller = getattr(request.auth, "identity", None)
        misses = getattr(view, "throttle_misses", "") if request.method == "POST" else ""
        hit(scope_of(view), caller or f"address:{address(request)}", misses=misses)
        return True

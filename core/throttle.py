"""Rate limits against abuse, counted in Redis in one atomic call.

DRF's own throttles read before they write, so concurrent requests exceed the limit; these count first. While Redis is
unavailable, a limit fails either open (for shoppers) or closed (for logins and code lookups, which attackers target).

After Redis lost its counters, nobody knows who has guessed how often. For the length of their window, limits of guesses
are a quarter of what they are otherwise.
"""

import hashlib
import ipaddress
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core import redis
from core.errors import Throttled, Unavailable

if TYPE_CHECKING:
    from rest_framework.views import APIView

COUNT, ADJUST, READ_AGE = "core/lua/count_hit.lua", "core/lua/adjust_hits.lua", "core/lua/read_counter_age.lua"
AGE_KEY = redis.key("counters", "since")
GUESSES = frozenset({"login_account", "second_factor"})  # counted one at a time; those of codes by count_guesses
UNKNOWN_SHARE = 4  # of a limit of guesses, one in so many is left while earlier guesses are unknown
RATE_LIMIT, RATE_LIMIT_POLICY = "RateLimit", "RateLimit-Policy"
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

    def after(self, milliseconds: int) -> int:
        """Return the hits that are allowed while Redis has kept all counters for so long."""
        return self.hits if milliseconds >= self.seconds * 1000 else max(1, self.hits // UNKNOWN_SHARE)

    @property
    def policy(self) -> str:
        """The limit as an item of the RateLimit-Policy header."""
        return f'"{self.scope}";q={self.hits};w={self.seconds}'


@dataclass(frozen=True, slots=True)
class Quota:
    """What is left of a limit: the hits, and the seconds until all of them are available again."""

    scope: str
    hits: int
    seconds: int

    def __str__(self) -> str:
        return f'"{self.scope}";r={self.hits};t={self.seconds}'


@cache
def _limit(scope: str, rate: str) -> RateLimit:
    rate_text, _, fail_closed = rate.partition(" ")
    hits, _, period = rate_text.partition("/")
    return RateLimit(scope, int(hits), PERIODS[period], fail_closed == "closed")


def consume(scope: str, caller: str) -> Quota | None:
    """Count a hit of a caller, and return what is left, or None while Redis is unavailable.

    Raises Throttled above the limit, and Unavailable if Redis is unavailable and the limit fails closed.
    """
    limit = RateLimit.of(scope)
    commands = [redis.evalsha_command(COUNT, _key(scope, caller), limit.seconds * 1000)]
    if scope in GUESSES:
        commands.append(_read_age())
    replies = _execute([limit], *commands)
    if not replies:
        return None
    (hits, left), *ages = replies
    allowed = limit.after(ages[0]) if ages else limit.hits
    _raise_if_throttled(hits > allowed, left, limit)
    return Quota(scope, allowed - hits, _to_seconds(left))


def add_headers(response: HttpResponse, scope: str, quota: Quota | None) -> None:
    """Add the RateLimit-Policy header of a scope, and with a quota the RateLimit header, to a response.

    The headers of a response that another limit refused contain both. See draft-ietf-httpapi-ratelimit-headers.
    """
    exceeded = {name: response[name] for name in (RATE_LIMIT, RATE_LIMIT_POLICY) if name in response}
    if exceeded.get(RATE_LIMIT, "").startswith(f'"{scope}"'):
        return
    items = {RATE_LIMIT_POLICY: RateLimit.of(scope).policy} | ({RATE_LIMIT: str(quota)} if quota else {})
    for name, item in items.items():
        response[name] = ", ".join(filter(None, [item, exceeded.get(name)]))


@dataclass(slots=True)
class Guesses:
    """The guesses of one request. ``allowed`` of them may fail, None without a limit; ``failed`` is set by the view."""

    allowed: int | None
    milliseconds_left: int = 0
    failed: int = 0
    limit: RateLimit | None = None

    def check(self) -> None:
        """Raise Throttled if more guesses failed than were allowed."""
        is_exceeded = self.allowed is not None and self.failed > self.allowed
        _raise_if_throttled(is_exceeded, self.milliseconds_left, self.limit)


@contextmanager
def count_guesses(callers: Mapping[str, str], count: int) -> Iterator[Guesses]:
    """Count guesses of a request against the limits of callers, given by scope, before their answer is known.

    So concurrent guesses get no more answers than a limit allows. Those that don't fail are returned, together with the
    next request of the process. Raises Throttled if a limit is used up, and Unavailable as ``consume`` does.
    """
    limits = {_key(scope, caller): RateLimit.of(scope) for scope, caller in callers.items()} if count else {}
    adjustments = [_adjust(key, limit, count) for key, limit in limits.items()]
    age, *answers = _execute(list(limits.values()), *([_read_age(), *adjustments] if limits else [])) or [0]
    taken = [(key, limit, hits, end) for (key, limit), (hits, _, end, _) in zip(limits.items(), answers, strict=False)]
    left_of = [
        (max(0, min(hits, limit.after(age) - before)), limit)
        for limit, (hits, _, _, before) in zip(limits.values(), answers, strict=False)
    ]
    allowed, exceeded = min(left_of, key=lambda pair: pair[0], default=(None, None))
    guesses = Guesses(allowed, max((left for _, left, _, _ in answers), default=0), limit=exceeded)
    try:
        _raise_if_throttled(allowed == 0, guesses.milliseconds_left, exceeded)
        yield guesses
    finally:
        _returns.extend(
            _adjust(key, limit, guesses.failed - hits, end) for key, limit, hits, end in taken if hits > guesses.failed
        )
        if any(limit.after(age) < limit.hits for limit in limits.values()):
            _send_returns()  # at once, as few are allowed


def _read_age() -> redis.Command:
    return redis.evalsha_command(READ_AGE, AGE_KEY)


def _adjust(key: str, limit: RateLimit, count: int, end: int = 0) -> redis.Command:
    return redis.evalsha_command(ADJUST, key, limit.seconds * 1000, count, limit.hits, end)


_returns: deque[redis.Command] = deque()


def _pop_returns() -> Iterator[redis.Command]:
    while _returns:
        try:
            yield _returns.popleft()
        except IndexError:  # another thread was faster
            return


def _send_returns() -> None:
    if commands := list(_pop_returns()):
        with suppress(redis.Error):
            redis.execute_pipeline(*commands)


def _execute(limits: Sequence[RateLimit], *commands: redis.Command) -> list[Any]:
    """Return the replies, or an empty list while Redis is unavailable.

    Raises Unavailable then if one of the limits fails closed.
    """
    if not commands:
        return []
    returns = list(_pop_returns())
    try:
        return redis.execute_pipeline(*returns, *commands)[len(returns) :]
    except redis.Error as error:
        if any(limit.fail_closed for limit in limits):
            raise Unavailable from error
        return []


def _raise_if_throttled(is_exceeded: bool, milliseconds_left: int, limit: RateLimit | None) -> None:
    if is_exceeded:
        seconds = _to_seconds(milliseconds_left)
        headers = {RATE_LIMIT: str(Quota(limit.scope, 0, seconds)), RATE_LIMIT_POLICY: limit.policy} if limit else {}
        raise Throttled(seconds, headers=headers, scope=limit.scope if limit else "")


def _to_seconds(milliseconds: int) -> int:
    return max(1, math.ceil(milliseconds / 1000))


def _key(scope: str, caller: str) -> str:
    return redis.key("throttle", hashlib.sha256(f"{scope}\0{caller}".encode()).hexdigest()[:32])


def client_ip(request: HttpRequest | Request) -> str:
    """Return the client's IP address: that of the socket, or the one that the outermost trusted proxy added."""
    return _find_address(request.META)


def _find_address(meta: Mapping[str, Any]) -> str:
    hops = settings.TRUSTED_PROXIES
    forwarded = [part.strip() for part in meta.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    if hops and len(forwarded) >= hops:
        return str(forwarded[-hops])
    return str(meta.get("REMOTE_ADDR", ""))


def client_network(request: HttpRequest | Request) -> str:
    """Return the client as limits per address count it: an IPv4 address, or the /64 network of an IPv6 address.

    A client with one IPv6 address usually has all of its network.
    """
    return find_network(request.META)


def find_network(meta: Mapping[str, Any]) -> str:
    """Return the same from the environment of a request."""
    address = _find_address(meta)
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


def scope_of(view: object, auth: object = None) -> str:
    """Return the rate limit scope of a view for a caller: servers have their own at checkout."""
    if getattr(auth, "api_key_id", None) is not None and hasattr(view, "key_throttle_scope"):
        return str(view.key_throttle_scope)
    return str(getattr(view, "throttle_scope", "api"))


class CallerThrottle(BaseThrottle):
    """A throttle by the view's ``throttle_scope`` (default ``api``), per caller, or per IP address if anonymous.

    API keys are throttled by the view's ``key_throttle_scope`` if it has one.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        caller = getattr(request.auth, "identity", None)
        scope = scope_of(view, request.auth)
        request.rate_scope = scope  # type: ignore[attr-defined]  # read by core.views.APIView
        request.rate_quota = consume(scope, caller or f"address:{client_network(request)}")  # type: ignore[attr-defined]
        return True

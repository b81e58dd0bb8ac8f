"""Limits on how many costly operations of a brand run at once, on all nodes together.

Each running operation has a lease in Redis, which a thread of its process renews. After the process was killed, its
leases expire. While Redis is unavailable, each process counts its own.
"""

import hashlib
import threading
import time
import uuid
import weakref

import structlog
from django.conf import settings

from core import redis
from core.errors import TooManyConcurrentRequests

log = structlog.get_logger(__name__)

TAKE = "core/lua/take_lease.lua"
LEASE_SECONDS, RENEWAL_SECONDS = 30, 10
MAX_SECONDS = 3600  # after which a lease is no longer renewed
RENEWED = -1  # in place of a limit


class Lease:
    """The right to run an operation. It ends by ``release``, or when nothing refers to it any longer."""

    def __init__(self, key: str) -> None:
        self.key, self.token, self.taken_at = key, uuid.uuid4().hex, time.monotonic()

    def release(self) -> None:
        """End the lease. Ending it again changes nothing."""
        with _lock:
            was_held = self in _leases
            _leases.discard(self)
        if was_held:
            _release(self)


_leases: "weakref.WeakSet[Lease]" = weakref.WeakSet()
_lock = threading.Lock()
_thread: threading.Thread | None = None


def acquire(operation: str, owner: str) -> Lease:
    """Take a lease of an owner for an operation, a key of ``settings.CONCURRENCY_LIMITS``.

    Raises TooManyConcurrentRequests if the owner has as many as the limit.
    """
    limit = settings.CONCURRENCY_LIMITS[operation]
    lease = Lease(redis.key("leases", hashlib.sha256(f"{operation}\0{owner}".encode()).hexdigest()[:32]))
    try:
        (is_granted,) = redis.execute_pipeline(_take(lease, limit))
    except redis.Error:
        is_granted = None
    with _lock:
        if is_granted is None:
            is_granted = sum(other.key == lease.key for other in _leases) < limit
        if is_granted:
            _leases.add(lease)
            _start_renewals()
    if not is_granted:
        raise TooManyConcurrentRequests(limit=limit)
    return lease


def renew_leases() -> None:
    """Renew the leases of this process, also those that Redis has lost."""
    oldest = time.monotonic() - MAX_SECONDS
    with _lock:
        held = [lease for lease in _leases if lease.taken_at > oldest]
    if not held:
        return
    redis.execute_pipeline(*(_take(lease, RENEWED) for lease in held))
    with _lock:
        released = [lease for lease in held if lease not in _leases]
    for lease in released:  # meanwhile
        _release(lease)


def _take(lease: Lease, limit: int) -> redis.Command:
    return redis.evalsha_command(TAKE, lease.key, lease.token, int(LEASE_SECONDS * 1000), limit)


def _release(lease: Lease) -> None:
    try:
        redis.execute_pipeline(("ZREM", lease.key, lease.token))
    except redis.Error:
        log.warning("lease_not_released")  # it expires


def _start_renewals() -> None:
    global _thread  # noqa: PLW0603  (one thread per process: a fork has none)
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_run_renewals, name="leases", daemon=True)
        _thread.start()


def _run_renewals() -> None:
    while True:
        time.sleep(RENEWAL_SECONDS)
        try:
            renew_leases()
        except redis.Error:
            log.warning("leases_not_renewed")

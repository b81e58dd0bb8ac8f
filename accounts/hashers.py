"""The hasher of passwords, which limits how many are hashed at once by all callers."""

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from core.concurrency import ConcurrencyLimiter

# Hashing a password takes 0.2 s of CPU and 100 MB of memory. Two hashes at once keep two processors busy, and hashing
# and waiting requests together never occupy more than half of the threads of a process.
limiter = ConcurrencyLimiter(max_concurrent=2, max_waiting=max(0, settings.WEB_THREADS // 2 - 2))
QUEUE_TIMEOUT = 5.0  # seconds


class LimitedHasherMixin:
    """Hashes within the limit. ``encode`` and ``verify`` raise Unavailable if too many passwords are being hashed."""

    def encode(self, password: str, salt: str) -> str:
        with limiter.acquire(timeout=QUEUE_TIMEOUT):
            encoded: str = super().encode(password, salt)  # type: ignore[misc]
            return encoded

    def verify(self, password: str, encoded: str) -> bool:
        with limiter.acquire(timeout=QUEUE_TIMEOUT):
            is_equal: bool = super().verify(password, encoded)  # type: ignore[misc]
            return is_equal


class LimitedArgon2PasswordHasher(LimitedHasherMixin, Argon2PasswordHasher):
    """Argon2, within the limit."""

"""Access to Redis (or Valkey): hints, limits and nudges, never facts. Every key may vanish at any time."""

from functools import cache
from pathlib import Path

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript, Script
from redis.retry import Retry

Error = redis.RedisError
ROOT = Path(__file__).resolve().parents[2]


@cache
def client() -> redis.Redis:
    """The process's client: connects at first use, gives up after half a second."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 1),
    )


@cache
def script(path: str) -> Script | AsyncScript:
    """The Lua script in ``<app>/lua/<verb>.lua``, sent once and called by its digest."""
    return client().register_script((ROOT / path).read_text())


def key(kind: str, tag: str, *rest: str) -> str:
    """A key whose hash tag keeps all keys of one thing in one slot of a cluster: ``promo:kind:{tag}:rest``."""
    return ":".join(["promo", kind, "{" + tag + "}", *rest])

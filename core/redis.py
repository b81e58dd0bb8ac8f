"""Access to Redis (or Valkey), which holds caches, limits and notifications. Every key may be lost at any time."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

Error = redis.RedisError
CONNECTIONS = 1_000  # per process, opened on demand: more than it has threads
ROOT = Path(__file__).resolve().parents[1]


@cache
def client() -> redis.Redis:
    """Return the client of the process, which connects at first use and has a timeout of half a second."""
    pool = redis.ConnectionPool.from_url(
        settings.REDIS_URL,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        health_check_interval=30,
        max_connections=CONNECTIONS,
        retry=Retry(NoBackoff(), 1),
    )
    # Redis.from_url would close its pool when the client is garbage-collected. If the first two threads of a process
    # create a client at the same time, one client is collected while its connections are in use.
    return redis.Redis(connection_pool=pool)


def key(kind: str, tag: str, *rest: str) -> str:
    """Return a key whose hash tag keeps all keys of one object in one cluster slot: ``promo:kind:{tag}:rest``."""
    return ":".join(["promo", kind, "{" + tag + "}", *rest])


# --- pipelines, for every request ------------------------------------------------------------------------------------
Command = tuple[str | int, ...]


def execute_pipeline(*commands: Command) -> list[Any]:
    """Execute commands in one round trip, with less overhead than the client's pipeline, and return their replies.

    Raises Error. If the connection was closed in the meantime, the commands are sent again over a new one.
    """
    pool = client().connection_pool
    connection = pool.get_connection()
    try:
        return _roundtrip(connection, commands)
    except redis.ConnectionError:
        connection.disconnect()  # type: ignore[no-untyped-call]
        return _roundtrip(connection, commands)
    except redis.exceptions.NoScriptError:
        for name in {str(command[1]) for command in commands if command[0] == "EVALSHA"}:
            client().script_load(_scripts[name])
        return _roundtrip(connection, commands)
    finally:
        pool.release(connection)


def evalsha_command(path: str, key: str, *arguments: str | int) -> Command:
    """Return the command that runs the Lua script ``<app>/lua/<verb>_<object>.lua`` on one key."""
    return ("EVALSHA", _digest(path), 1, key, *arguments)


_scripts: dict[str, str] = {}


@cache
def _digest(path: str) -> str:
    text = (ROOT / path).read_text()
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    _scripts[digest] = text
    return digest


def _roundtrip(connection: Any, commands: tuple[Command, ...]) -> list[Any]:
    connection.send_packed_command(connection.pack_commands(commands))
    replies: list[Any] = []
    for _ in commands:  # read all replies, else the next caller would read the rest
        try:
            replies.append(connection.read_response())
        except redis.ResponseError as error:
            replies.append(error)
    for reply in replies:
        if isinstance(reply, redis.ResponseError):
            raise reply
    return replies

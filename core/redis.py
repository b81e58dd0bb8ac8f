"""Access to Redis (or Valkey): hints, limits and nudges, never facts. Every key may vanish at any time."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

Error = redis.RedisError
CONNECTIONS = 1_000  # a process's, each made when a thread finds no other: more than it has threads
ROOT = Path(__file__).resolve().parents[1]


@cache
def client() -> redis.Redis:
    """The process's client: connects at first use, gives up after half a second."""
    pool = redis.ConnectionPool.from_url(
        settings.REDIS_URL,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
        health_check_interval=30,
        max_connections=CONNECTIONS,
        retry=Retry(NoBackoff(), 1),
    )
    # a client with a pool of its own closes it when it is let go: of two that a process's first threads make at the
    # same moment, one is, while its connections are in use
    return redis.Redis(connection_pool=pool)


def key(kind: str, tag: str, *rest: str) -> str:
    """A key whose hash tag keeps all keys of one thing in one slot of a cluster: ``promo:kind:{tag}:rest``."""
    return ":".join(["promo", kind, "{" + tag + "}", *rest])


# --- the short way, for every request --------------------------------------------------------------------------------
Command = tuple[str | int, ...]


def execute_pipeline(*commands: Command) -> list[Any]:
    """The answers to these commands, which travel together: one round trip, and less of the client's work.

    Raises Error. A connection that was closed meanwhile is made anew and the commands sent again.
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
    """The command that runs the Lua script in ``<app>/lua/<verb>.lua`` on one key."""
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
    answers: list[Any] = []
    for _ in commands:  # all of them, or the next would read what is left
        try:
            answers.append(connection.read_response())
        except redis.ResponseError as error:
            answers.append(error)
    for answer in answers:
        if isinstance(answer, redis.ResponseError):
            raise answer
    return answers

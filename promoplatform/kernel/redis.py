"""Access to Redis (or Valkey): hints, limits and nudges, never facts. Every key may vanish at any time."""

import hashlib
import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
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


def key(kind: str, tag: str, *rest: str) -> str:
    """A key whose hash tag keeps all keys of one thing in one slot of a cluster: ``promo:kind:{tag}:rest``."""
    return ":".join(["promo", kind, "{" + tag + "}", *rest])


# --- the short way, for every request --------------------------------------------------------------------------------
Command = tuple[str | int, ...]


class _Line(threading.local):
    """A thread's own connection, and whose: a forked process, or another client, has another."""

    owner: object = None
    connection: Any = None


_line = _Line()


def ask(*commands: Command) -> list[Any]:
    """The answers to these commands, which travel together: one round trip, and a third of the client's work.

    Raises Error. A connection that was closed meanwhile is made anew and the commands sent again.
    """
    owner = (os.getpid(), client())
    if _line.owner != owner:
        _line.connection, _line.owner = client().connection_pool.make_connection(), owner
    try:
        return _exchange(commands)
    except redis.ConnectionError:
        _line.connection.disconnect()
        return _exchange(commands)
    except redis.exceptions.NoScriptError:
        for name in {str(command[1]) for command in commands if command[0] == "EVALSHA"}:
            client().script_load(_scripts[name])
        return _exchange(commands)


def evaluate(path: str, key: str, *arguments: str | int) -> Command:
    """The command that runs the Lua script in ``<app>/lua/<verb>.lua`` on one key."""
    return ("EVALSHA", _digest(path), 1, key, *arguments)


_scripts: dict[str, str] = {}


@cache
def _digest(path: str) -> str:
    text = (ROOT / path).read_text()
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    _scripts[digest] = text
    return digest


def _exchange(commands: tuple[Command, ...]) -> list[Any]:
    connection = _line.connection
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

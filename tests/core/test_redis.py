"""Pipelines of commands, and connections of ended threads."""

import gc
import threading

import pytest

from core import redis


def test_replies_are_in_the_order_of_the_commands() -> None:
    assert redis.execute_pipeline(("SET", "a", 1), ("GET", "a"), ("GET", "b")) == [b"OK", b"1", None]


def test_an_error_reply_is_not_read_by_the_next_command() -> None:
    with pytest.raises(redis.Error):
        redis.execute_pipeline(("SET", "a", "text"), ("INCR", "a"), ("GET", "a"))
    assert redis.execute_pipeline(("GET", "a")) == [b"text"]


def test_a_closed_connection_is_reopened() -> None:
    redis.execute_pipeline(("SET", "a", 1))
    redis.client().execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
    assert redis.execute_pipeline(("GET", "a")) == [b"1"]


def test_a_collected_client_closes_no_connection_in_use() -> None:
    """Collect one of two clients that threads have created at the same time."""
    redis.client.cache_clear()
    connection = redis.client().connection_pool.get_connection()

    def number() -> object:
        connection.send_command("CLIENT", "ID")
        return connection.read_response()

    before = number()
    redis.client.cache_clear()
    gc.collect()

    assert number() == before, "it is another connection"
    connection.disconnect()


def test_ended_threads_leave_no_connection_open() -> None:
    def connections() -> int:
        return len(redis.client().client_list())

    redis.execute_pipeline(("GET", "a"))
    before = connections()
    for _ in range(120):
        thread = threading.Thread(target=redis.execute_pipeline, args=(("GET", "a"),))
        thread.start()
        thread.join()
    assert connections() <= before + 1

"""Commands travel together, and threads that end leave no connection behind."""

import gc
import threading

import pytest

from core import redis


def test_answers_come_in_the_order_of_the_commands() -> None:
    assert redis.execute_pipeline(("SET", "a", 1), ("GET", "a"), ("GET", "b")) == [b"OK", b"1", None]


def test_one_refused_command_does_not_leave_its_answer_to_the_next() -> None:
    with pytest.raises(redis.Error):
        redis.execute_pipeline(("SET", "a", "text"), ("INCR", "a"), ("GET", "a"))
    assert redis.execute_pipeline(("GET", "a")) == [b"text"]


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    redis.execute_pipeline(("SET", "a", 1))
    redis.client().execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
    assert redis.execute_pipeline(("GET", "a")) == [b"1"]


def test_a_client_that_is_let_go_closes_no_connection_that_is_in_use() -> None:
    """Of two that threads make at the same moment, one is let go."""
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


def test_threads_that_end_leave_no_connection_behind() -> None:
    def connections() -> int:
        return len(redis.client().client_list())

    redis.execute_pipeline(("GET", "a"))
    before = connections()
    for _ in range(120):
        thread = threading.Thread(target=redis.execute_pipeline, args=(("GET", "a"),))
        thread.start()
        thread.join()
    assert connections() <= before + 1

"""The platform's WSGI application in processes that die at a step of a claim when a trial asks one of them to.

Each gives its number to its database connections, so that a trial can see who waits for a lock. Only for such
processes: a test that imported this would name its own connections so.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.db.backends.signals import connection_created

from promoplatform.wsgi import application as platform
from tests.faults.kill_points import CLAIM, die_if_asked

os.environ["PGAPPNAME"] = f"web {os.getpid()}"


def around_statements(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """A wrapper of each statement, which dies before or after a claim."""
    if CLAIM not in sql:
        return execute(sql, params, many, context)
    die_if_asked("before the statement")
    result = execute(sql, params, many, context)
    die_if_asked("after the statement")
    return result


def watch(connection: Any, **_: object) -> None:
    """Wrap what a new connection sends."""
    if around_statements not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, around_statements)  # what comes later is taken off the end


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Dies when the answer is made and not yet sent."""
    answer = platform(environ, start_response)
    if environ["REQUEST_METHOD"] == "POST":
        die_if_asked("before the answer")
    return answer


connection_created.connect(watch)

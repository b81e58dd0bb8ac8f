"""The platform's WSGI application in processes that a test kills at a step of a first login.

Each process puts its ID into the name of its database connections, so that a test can see which one waits for a lock.
Import this module in such processes only: a test that imports it would rename its own connections.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.db.backends.signals import connection_created

from promoplatform.wsgi import application as platform_application
from tests.faults.kill_points import CLAIM_SQL, kill_if_marked

os.environ["PGAPPNAME"] = f"web {os.getpid()}"


def around_statements(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """Execute a statement, with kill points before and after the statement of a first login."""
    if CLAIM_SQL not in sql:
        return execute(sql, params, many, context)
    kill_if_marked("before the statement")
    result = execute(sql, params, many, context)
    kill_if_marked("after the statement")
    return result


def wrap_statements(connection: Any, **_: object) -> None:
    """Wrap the statements of a new connection."""
    if around_statements not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, around_statements)  # what comes later is taken off the end


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Handle a request, with a kill point between the response and its delivery."""
    response = platform_application(environ, start_response)
    if environ["REQUEST_METHOD"] == "POST":
        kill_if_marked("before the answer")
    return response


connection_created.connect(wrap_statements)

"""Settings of web processes that die at a step of a claim when a trial asks one of them to.

Each gives its number to its database connections, so that a trial can see who waits for a lock.
"""

import os
from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse

from promoplatform.settings.base import *  # noqa: F403
from promoplatform.settings.base import DATABASES, MIDDLEWARE
from tests.faults.doom import die_if_asked

MIDDLEWARE = ["tests.faults.dying_claims.perhaps_die", *MIDDLEWARE]
DATABASES["default"]["OPTIONS"]["application_name"] = f"web {os.getpid()}"
CLAIM = "FROM vouchers_campaign c"  # early enough in the text for PostgreSQL to show it


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
        connection.execute_wrappers.append(around_statements)


def perhaps_die(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Dies when the answer is made and not yet sent."""
    connection_created.connect(watch)

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "POST":
            die_if_asked("before the answer")
        return response

    return middleware

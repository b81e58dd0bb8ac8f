"""Settings of a web process that crashes before some POST requests, and after others before the response."""

import os
import random
import signal
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from promoplatform.settings.base import *  # noqa: F403
from promoplatform.settings.base import MIDDLEWARE, THROTTLES

MIDDLEWARE = ["tests.faults.crashing_worker.crash_randomly", *MIDDLEWARE]
THROTTLES = dict.fromkeys(THROTTLES, "1000000/minute")
CRASH_PROBABILITY = 0.03


def crash_randomly(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Kill the process, as SIGKILL does, in the two worst moments."""

    def middleware(request: HttpRequest) -> HttpResponse:
        may_crash = request.method == "POST"
        if may_crash and random.random() < CRASH_PROBABILITY:
            os.kill(os.getpid(), signal.SIGKILL)
        response = get_response(request)
        if may_crash and random.random() < CRASH_PROBABILITY:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    return middleware

"""Settings of a web process that dies: before some POSTs, and after some others, before they are answered."""

import os
import random
import signal
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from promoplatform.settings.base import *  # noqa: F403
from promoplatform.settings.base import MIDDLEWARE, THROTTLES

MIDDLEWARE = ["tests.faults.crashing_worker.perhaps_die", *MIDDLEWARE]
THROTTLES = dict.fromkeys(THROTTLES, "1000000/minute")
DIES = 0.03


def perhaps_die(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Kills the process, as SIGKILL does, in the two worst moments."""

    def middleware(request: HttpRequest) -> HttpResponse:
        doomed = request.method == "POST"
        if doomed and random.random() < DIES:
            os.kill(os.getpid(), signal.SIGKILL)
        response = get_response(request)
        if doomed and random.random() < DIES:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    return middleware

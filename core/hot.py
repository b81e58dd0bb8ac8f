"""Views that take something and are asked by thousands at a time: what they answer, apart from how it travels."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

Answer = tuple[Any, int]
"""What is answered, as JSON has it, and the status."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in: who calls, at which moment, and how to get at the body (parsed; raises ParseError)."""

    auth: Any
    at: datetime
    body: Callable[[], Any]


class HotView(APIView):
    """A view whose POST may take the express lane: its ``serve`` asks no more of a request than a Call has."""

    throttle_misses = ""

    serve: ClassVar[Callable[..., Answer]]
    """A static method: parses the Call, calls one service, answers; takes the address's arguments by name."""

    def answer(self, request: Request, **arguments: Any) -> Response:
        """What ``serve`` answers to a request that came through all of Django."""
        document, status = type(self).serve(Call(request.auth, timezone.now(), lambda: request.data), **arguments)
        return Response(document, status=status)

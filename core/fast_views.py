"""Views of busy endpoints, independent of how the request arrives."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from core import throttle
from core.views import APIView

Answer = tuple[Any, int]
"""The JSON document of the response, and its status."""


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated call: the caller, the time, the parsed body (raises ParseError), and the client's network."""

    auth: Any
    at: datetime
    body: Callable[[], Any]
    network: str


class FastView(APIView):
    """A view whose POST can bypass Django's middleware, because ``serve`` needs a Call only."""

    serve: ClassVar[Callable[..., Answer]]
    """A static method that parses the Call, calls one service and returns the answer; URL arguments by name."""

    def answer(self, request: Request, **arguments: Any) -> Response:
        """Return the response of ``serve`` to a request that went through Django's middleware."""
        call = Call(request.auth, timezone.now(), lambda: request.data, throttle.client_network(request))
        document, status = type(self).serve(call, **arguments)
        return Response(document, status=status)

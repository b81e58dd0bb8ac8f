"""Login events as the identity provider sends them over HTTP: parse, call one service, answer."""

import io
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import CUSTOMER_ID_LENGTH, as_caller
from accounts.selectors import check_internal
from promoplatform.kernel.api import JSONParser
from promoplatform.kernel.errors import Invalid, TooLarge
from promoplatform.kernel.fields import InstantField, SlugField, TextField
from promoplatform.kernel.idempotency import idempotent
from vouchers import rules, services
from vouchers.contracts import EVENT_ID_LENGTH, LoginEvent, Result

MOST = 10_000  # events of one request
MAX_FAULTS = 100  # that are named
COUNTED = {
    Result.GRANTED: "voucher_granted", Result.ALREADY: "already_logged_in", Result.FULL: "campaign_full",
    Result.NOT_OPEN: "campaign_not_open", Result.SHUT_OUT: "login_refused",
}  # fmt: skip


class NdjsonParser(JSONParser):
    """One JSON value a line, as a list."""

    media_type = "application/x-ndjson"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        lines = [line for line in stream.read().splitlines() if line.strip()]
        return super().parse(io.BytesIO(b"[" + b",".join(lines) + b"]"), media_type, parser_context)


class LoginEventRequest(serializers.Serializer[Any]):
    """A customer signed in: in a campaign, or without one in every campaign that was open then."""

    event_id = TextField(max_length=EVENT_ID_LENGTH, help_text="Counts once in a campaign")
    customer_id = TextField(max_length=CUSTOMER_ID_LENGTH)
    at = InstantField()
    campaign = SlugField(max_length=64, required=False, allow_null=True)


class CameAnswer(serializers.Serializer[Any]):
    """How often what came of the events; one without a campaign counts once in each that was open."""

    voucher_granted = serializers.IntegerField()
    already_logged_in = serializers.IntegerField()
    campaign_full = serializers.IntegerField()
    campaign_not_open = serializers.IntegerField()
    login_refused = serializers.IntegerField()


class TakenAnswer(serializers.Serializer[Any]):
    """How many events were received, and what came of them."""

    received = serializers.IntegerField()
    results = CameAnswer()


class LoginEventsView(APIView):
    """``/api/internal/v1/login-events/``"""

    parser_classes = (JSONParser, NdjsonParser)

    @extend_schema(
        request=serializers.ListSerializer(child=LoginEventRequest(), max_length=MOST), responses={200: TakenAnswer},
        operation_id="login_events",
    )  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Take up to 10,000 logins in: whoever signed in first, by event time, gets a voucher first.

        As a JSON list, or as one JSON object a line. All are looked at before any has an effect. The same events
        again change nothing.
        """
        check_internal(as_caller(request.auth))
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.LOGIN_EVENTS_LIMIT:
            raise TooLarge
        events = _events(request.data)
        came = services.take_in(events=events)
        results = {name: came.get(result, 0) for result, name in COUNTED.items()}
        return Response({"received": len(events), "results": results})


def _events(sent: Any) -> list[LoginEvent]:
    """The events of a body. Raises Invalid with the places of those that are none."""
    if not isinstance(sent, list) or len(sent) > MOST:
        raise Invalid(f"Send a list of up to {MOST:,} events.")
    now = timezone.now()
    events: list[LoginEvent] = []
    faults: list[dict[str, str]] = []
    for place, one in enumerate(sent):
        try:
            events.append(rules.login_event(one, now=now))
        except Invalid as refusal:
            faults += [fault | {"field": f"{place}.{fault['field']}".rstrip(".")} for fault in refusal.errors or []]
    if faults:
        raise Invalid(errors=faults[:MAX_FAULTS])
    return events

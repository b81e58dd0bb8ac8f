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

from accounts.contracts import CUSTOMER_ID_LENGTH, get_caller
from accounts.selectors import check_internal
from core.api import JSONParser
from core.errors import InvalidRequest, PayloadTooLarge
from core.idempotency import idempotent
from core.serializer_fields import AwareDateTimeField, SlugField, StrictCharField
from vouchers import rules, services
from vouchers.contracts import EVENT_ID_LENGTH, LoginEvent, Result

MAX_EVENTS = 10_000  # events of one request
MAX_ERRORS = 100  # that are named
COUNTED_RESULTS = {
    Result.GRANTED: "voucher_granted", Result.ALREADY_CLAIMED: "already_logged_in", Result.FULL: "campaign_full",
    Result.NOT_OPEN: "campaign_not_open", Result.INACTIVE_USER: "invalid_credentials",
}  # fmt: skip


class NdjsonParser(JSONParser):
    """One JSON value a line, as a list."""

    media_type = "application/x-ndjson"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        lines = [line for line in stream.read().splitlines() if line.strip()]
        return super().parse(io.BytesIO(b"[" + b",".join(lines) + b"]"), media_type, parser_context)


class LoginEventRequest(serializers.Serializer[Any]):
    """A customer signed in: in a campaign, or without one in every campaign that was open then."""

    event_id = StrictCharField(max_length=EVENT_ID_LENGTH, help_text="Counts once in a campaign")
    customer_id = StrictCharField(max_length=CUSTOMER_ID_LENGTH)
    at = AwareDateTimeField()
    campaign = SlugField(max_length=64, required=False, allow_null=True)


class LoginEventCountsSerializer(serializers.Serializer[Any]):
    """How often what came of the events; one without a campaign counts once in each that was open."""

    voucher_granted = serializers.IntegerField()
    already_logged_in = serializers.IntegerField()
    campaign_full = serializers.IntegerField()
    campaign_not_open = serializers.IntegerField()
    invalid_credentials = serializers.IntegerField()


class LoginEventsResultSerializer(serializers.Serializer[Any]):
    """How many events were received, and what came of them."""

    received = serializers.IntegerField()
    results = LoginEventCountsSerializer()


class LoginEventsView(APIView):
    """``/api/internal/v1/login-events/``"""

    parser_classes = (JSONParser, NdjsonParser)

    @extend_schema(
        request=serializers.ListSerializer(child=LoginEventRequest(), max_length=MAX_EVENTS), responses={200: LoginEventsResultSerializer},
        operation_id="login_events",
    )  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Take up to 10,000 logins in: whoever signed in first, by event time, gets a voucher first.

        As a JSON list, or as one JSON object a line. All are looked at before any has an effect. The same events
        again change nothing.
        """
        check_internal(get_caller(request.auth))
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.LOGIN_EVENTS_LIMIT:
            raise PayloadTooLarge
        events = _events(request.data)
        came = services.process_events(events=events)
        results = {name: came.get(result, 0) for result, name in COUNTED_RESULTS.items()}
        return Response({"received": len(events), "results": results})


def _events(sent: Any) -> list[LoginEvent]:
    """The events of a body. Raises Invalid with the places of those that are none."""
    if not isinstance(sent, list) or len(sent) > MAX_EVENTS:
        raise InvalidRequest(f"Send a list of up to {MAX_EVENTS:,} events.")
    now = timezone.now()
    events: list[LoginEvent] = []
    faults: list[dict[str, str]] = []
    for place, one in enumerate(sent):
        try:
            events.append(rules.login_event(one, now=now))
        except InvalidRequest as refusal:
            faults += [fault | {"field": f"{place}.{fault['field']}".rstrip(".")} for fault in refusal.errors or []]
    if faults:
        raise InvalidRequest(errors=faults[:MAX_ERRORS])
    return events

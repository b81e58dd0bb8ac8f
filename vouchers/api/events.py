"""Login events that the identity provider sends over HTTP."""

import io
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import CUSTOMER_ID_LENGTH, INTERNAL, get_caller
from accounts.errors import InvalidCredentials
from accounts.selectors import check_internal
from core.api import JSONParser
from core.errors import InvalidRequest, PayloadTooLarge
from core.idempotency import idempotent
from core.serializer_fields import AwareDateTimeField, SlugField, StrictCharField
from core.views import APIView, KeyScopes
from vouchers import rules, services
from vouchers.contracts import EVENT_ID_LENGTH, LoginEvent, Result

MAX_EVENTS = 10_000  # events of a request
MAX_ERRORS = 100  # field errors that are listed
COUNTED_RESULTS = {
    Result.GRANTED: "voucher_granted", Result.ALREADY_CLAIMED: "already_logged_in", Result.FULL: "campaign_full",
    Result.NOT_OPEN: "campaign_not_open", Result.INACTIVE_USER: InvalidCredentials.code,
}  # fmt: skip


class NdjsonParser(JSONParser):
    """Parser of one JSON value per line, as a list."""

    media_type = "application/x-ndjson"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        lines = [line for line in stream.read().splitlines() if line.strip()]
        return super().parse(io.BytesIO(b"[" + b",".join(lines) + b"]"), media_type, parser_context)


class LoginEventInputSerializer(serializers.Serializer[Any]):
    """A login of a customer, in one campaign, or in every one that was active at its time.

    Other members, which identity providers add, are ignored.
    """

    event_id = StrictCharField(
        max_length=EVENT_ID_LENGTH, help_text=gettext_lazy("ID of the event. Counts once in a campaign.")
    )
    customer_id = StrictCharField(max_length=CUSTOMER_ID_LENGTH, help_text=gettext_lazy("ID of the customer."))
    at = AwareDateTimeField(help_text=gettext_lazy("When the customer signed in."))
    campaign = SlugField(
        max_length=64, required=False, allow_null=True,
        help_text=gettext_lazy("Slug of a campaign. Defaults to all campaigns that were active at the time."),
    )  # fmt: skip


class LoginEventCountsSerializer(serializers.Serializer[Any]):
    """Counts of the events by result. An event without a campaign counts once in each campaign."""

    voucher_granted = serializers.IntegerField(help_text=gettext_lazy("Customers who got a voucher."))
    already_logged_in = serializers.IntegerField(help_text=gettext_lazy("Customers who had signed in before."))
    campaign_full = serializers.IntegerField(help_text=gettext_lazy("Customers who joined the waiting list."))
    campaign_not_open = serializers.IntegerField(help_text=gettext_lazy("Events outside of an active campaign."))
    invalid_credentials = serializers.IntegerField(help_text=gettext_lazy("Customers whose user is inactive."))


class LoginEventsResultSerializer(serializers.Serializer[Any]):
    """The number of received events, and their results."""

    received = serializers.IntegerField(help_text=gettext_lazy("Number of received events."))
    results = LoginEventCountsSerializer()


class LoginEventsView(APIView):
    """``/api/internal/v1/login-events/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": INTERNAL}

    parser_classes = (JSONParser, NdjsonParser)

    @extend_schema(
        request=serializers.ListSerializer(child=LoginEventInputSerializer(), max_length=MAX_EVENTS),
        responses={200: LoginEventsResultSerializer},
        operation_id="login_events",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Process up to 10,000 login events. Customers get vouchers in the order of the events' times.

        Send a JSON list or NDJSON. One invalid event rejects the whole request. Repeated events change nothing.
        """
        caller = get_caller(request.auth)
        check_internal(caller)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.LOGIN_EVENTS_LIMIT:
            raise PayloadTooLarge
        events = _parse_events(request.data)
        counts = services.process_events(events=events, brand_ids=caller.internal_brand_ids)
        results = {name: counts.get(result, 0) for result, name in COUNTED_RESULTS.items()}
        return Response({"received": len(events), "results": results})


def _parse_events(data: Any) -> list[LoginEvent]:
    """Parse the events of a body. Raises InvalidRequest with the positions of invalid ones."""
    if not isinstance(data, list) or len(data) > MAX_EVENTS:
        raise InvalidRequest(_("Send a list of up to %(max)s events.") % {"max": f"{MAX_EVENTS:,}"})
    now = timezone.now()
    events: list[LoginEvent] = []
    errors: list[dict[str, str]] = []
    for position, item in enumerate(data):
        try:
            events.append(rules.parse_login_event(item, now=now))
        except InvalidRequest as error:
            errors += [
                field_error | {"field": f"{position}.{field_error['field']}".rstrip(".")}
                for field_error in error.errors or []
            ]
    if errors:
        raise InvalidRequest(errors=errors[:MAX_ERRORS])
    return events

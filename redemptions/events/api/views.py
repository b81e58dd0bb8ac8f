"""API views of events."""

import uuid
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accounts.contracts import Caller, get_caller
from accounts.selectors import get_brand_for_caller, get_shopper, readable_brand_ids
from core.errors import InvalidRequest, PermissionDenied
from core.list_queries import validate_query
from core.openapi import problem_responses
from core.views import APIView
from redemptions.backends import get_offer_names
from redemptions.errors import CursorExpired
from redemptions.events import rules, selectors
from redemptions.events.api.serializers import (
    EventPageSerializer,
    EventQuerySerializer,
    EventSerializer,
    serialize_event,
)
from redemptions.events.contracts import EventFilter, Position


class EventsView(APIView):
    """``/api/v1/events/``"""

    throttle_scope = "report"
    pagination_class = None

    @extend_schema(
        parameters=[EventQuerySerializer],
        responses={200: EventPageSerializer, **problem_responses(CursorExpired)},
        operation_id="events_list",
    )
    def get(self, request: Request) -> Response:
        """List what happened to offers, codes and redemptions, oldest first, in commit order.

        Keep the cursor of each answer and send it as `after`: no event is missed or read twice. A transaction that is
        still running delays the events of later ones. After a restore from a backup, cursors expire (410).
        """
        query = validate_query(EventQuerySerializer, request)
        epoch, _horizon = selectors.get_epoch_and_horizon()
        after = _position(query.get("after"), epoch)
        wanted = _filter(get_caller(request.auth), query)
        page = selectors.EventPage([], after)
        if wanted is not None:
            page = selectors.read_events(wanted=wanted, after=after, limit=query["limit"])
        names = get_offer_names((row["kind"], row["offer_id"]) for row in page.events)
        cursor = rules.encode_cursor(page.position, epoch=epoch)
        return Response(
            {
                "next": replace_query_param(request.build_absolute_uri(), "after", cursor),
                "previous": None,
                "cursor": cursor,
                "results": [serialize_event(row, names) for row in page.events],
            }
        )


class EventView(APIView):
    """``/api/v1/events/<id>/``"""

    throttle_scope = "report"

    @extend_schema(responses={200: EventSerializer}, operation_id="events_read")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return an event."""
        row = selectors.get_event(event_id=pk, brands=readable_brand_ids(get_caller(request.auth)))
        return Response(serialize_event(row, get_offer_names([(row["kind"], row["offer_id"])])))


def _position(cursor: str | None, epoch: str) -> Position:
    """Return the position of a cursor, or the beginning without one. Raises InvalidRequest and CursorExpired."""
    if cursor is None:
        return Position()
    try:
        return rules.decode_cursor(cursor, epoch=epoch)
    except ValueError as error:
        raise InvalidRequest.field("after", _("Invalid cursor.")) from error


def _filter(caller: Caller, query: dict[str, Any]) -> EventFilter | None:
    """Return the filter of a query within the caller's brands, or None if nothing can match.

    Raises PermissionDenied for shoppers and for other brands.
    """
    brands = readable_brand_ids(caller)
    if brands is not None and not brands:
        raise PermissionDenied
    if "brand" in query:
        brands = [get_brand_for_caller(caller=caller, slug=query["brand"]).pk]
    customer = None
    if "customer_id" in query:
        shopper = get_shopper(query["customer_id"])
        customer = shopper.id if shopper else None
        if customer is None:
            return None
    return EventFilter(
        brands=None if brands is None else tuple(brands),
        types=query.get("type", ()),
        kind=query.get("kind", ""),
        offer=query.get("offer"),
        customer=customer,
        order=query.get("order", ""),
        codes=selectors.list_code_texts(text=query["code"], brands=brands) if "code" in query else (),
    )

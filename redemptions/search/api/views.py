"""API views of the search of redemptions."""

from typing import Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from accounts.contracts import Caller, get_caller
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core.costly_views import CostlyMethods
from core.errors import InvalidRequest, PermissionDenied
from core.list_queries import validate_query
from core.serializer_fields import localize
from core.views import APIView
from redemptions.events import rules
from redemptions.search import selectors
from redemptions.search.api.serializers import UsePageSerializer, UseQuerySerializer, serialize_use
from redemptions.search.contracts import UseFilter, UseStatus


class RedemptionsView(APIView):
    """``/api/v1/redemptions/``"""

    costly: ClassVar[CostlyMethods] = {"get": "report"}
    throttle_scope = "report"
    pagination_class = None

    @extend_schema(parameters=[UseQuerySerializer], responses={200: UsePageSerializer}, operation_id="redemptions_list")
    def get(self, request: Request) -> Response:
        """Find uses of offers of every kind and refused attempts, newest first.

        An order has an entry for each offer that it uses. Each entry has what happened to it, why an attempt was
        refused, and what can be done now.
        """
        query = validate_query(UseQuerySerializer, request)
        wanted = _filter(get_caller(request.auth), query)
        before, limit = _position(query.get("cursor")), query["limit"]
        page = selectors.UsePage([], None)
        if wanted is not None:
            page = selectors.find_uses(wanted=wanted, before=before, limit=limit)
        following = None
        if page.position is not None:
            cursor = rules.encode_cursor(page.position)
            following = replace_query_param(request.build_absolute_uri(), "cursor", cursor)
        return Response({"next": following, "previous": None, "results": [serialize_use(use) for use in page.uses]})


def _position(cursor: str | None) -> Any:
    try:
        return rules.decode_cursor(cursor) if cursor else None
    except ValueError as error:
        raise InvalidRequest.field("cursor", _("Invalid cursor.")) from error


def _filter(caller: Caller, query: dict[str, Any]) -> UseFilter | None:
    """Return the filter of a query within the caller's brands, or None if nothing can match.

    Raises PermissionDenied for shoppers and for other brands.
    """
    brands: list[UUID] | None = readable_brand_ids(caller)
    if brands is not None and not brands:
        raise PermissionDenied
    zone = "UTC"
    if "brand" in query or (brands is not None and len(brands) == 1):
        brand = get_brand_for_caller(caller=caller, slug=query.get("brand"))
        brands, zone = [brand.pk], brand.timezone
    return selectors.build_filter(
        brands=brands,
        customer_id=query.get("customer_id", ""),
        code=query.get("code", ""),
        kind=query.get("kind", ""),
        offer=query.get("offer"),
        order=query.get("order", ""),
        statuses=(UseStatus(query["status"]),) if "status" in query else (),
        start=localize(query["from"], zone) if "from" in query else None,
        end=localize(query["to"], zone) if "to" in query else None,
    )

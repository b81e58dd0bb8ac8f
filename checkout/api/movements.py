"""API of the movements of a shopper's balances."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import CHECKOUT, CUSTOMER_ID_LENGTH, READ, get_caller
from accounts.selectors import get_brand_for_caller, shopper_for
from core.api import CursorPagination
from core.list_queries import validate_query
from core.serializer_fields import StrictCharField
from core.views import APIView, KeyScopes
from redemptions.balances.api.serializers import CustomerMovementSerializer, serialize_movement
from redemptions.codes.selectors.movements import list_movements_of_customer


class MovementQuerySerializer(serializers.Serializer[Any]):
    """Query of movements."""

    customer_id = StrictCharField(
        max_length=CUSTOMER_ID_LENGTH, required=False, help_text=_("Customer to act for (brand API keys only).")
    )


class MovementsView(APIView):
    """``/api/v1/checkout/movements/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": READ | CHECKOUT}

    @extend_schema(
        parameters=[MovementQuerySerializer],
        responses={200: CustomerMovementSerializer(many=True)},
        operation_id="checkout_movements",
    )
    def get(self, request: Request) -> Response:
        """List the movements of the balances of codes that are assigned to the shopper, newest first."""
        caller = get_caller(request.auth)
        query = validate_query(MovementQuerySerializer, request)
        shopper = shopper_for(caller=caller, customer_id=query.get("customer_id"))
        brand = get_brand_for_caller(caller=caller).pk if caller.brand_id else caller.issuer_brand_id
        movements = list_movements_of_customer(customer=shopper.id, brand_id=brand)
        page = CursorPagination()
        rows = page.paginate_queryset(movements, request, view=self) or []
        return page.get_paginated_response([{"code": row.code, **serialize_movement(row)} for row in rows])

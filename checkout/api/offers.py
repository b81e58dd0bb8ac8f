"""What a shopper could have, over HTTP."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Scope, get_caller
from accounts.selectors import get_brand_for_caller, shopper_for
from checkout import services
from checkout.api.parsers import to_request
from checkout.api.serializers import CartRequest, ReasonAnswer
from checkout.contracts import Available
from core import money
from core.errors import InvalidRequest
from core.serializer_fields import validate

CUSTOMER = OpenApiParameter("customer_id", str, description="Brand key only: for whom")
BRAND = OpenApiParameter("brand", str, description="Only this brand's")


class OfferAnswer(serializers.Serializer[Any]):
    """An offer that the shopper could have; with a cart, what it takes off alone, or why it takes nothing."""

    kind = serializers.CharField()
    id = serializers.CharField()
    code = serializers.CharField(required=False)
    title = serializers.CharField()
    brand = serializers.CharField()
    amount = serializers.CharField(required=False)
    reason = ReasonAnswer(required=False)


class OffersAnswer(serializers.Serializer[Any]):
    """What a shopper could have now."""

    results = OfferAnswer(many=True)


class OffersView(APIView):
    """``/api/v1/checkout/offers/``"""

    pagination_class = None

    @extend_schema(parameters=[BRAND, CUSTOMER], responses={200: OffersAnswer}, operation_id="checkout_offers")
    def get(self, request: Request) -> Response:
        """What the shopper could have now, newest first of each kind; at most 100 of a kind."""
        caller = get_caller(request.auth)
        shopper = shopper_for(caller=caller, customer_id=_text(request, "customer_id"))
        shop = get_brand_for_caller(caller=caller).slug if caller.scope is Scope.BRAND else _text(request, "brand")
        found = services.list_offers(request=None, brands=[shop] if shop else [], shopper=shopper, at=timezone.now())
        return Response({"results": [_answer(it, "") for it in found]})

    @extend_schema(request=CartRequest, responses={200: OffersAnswer}, operation_id="checkout_offers_for_cart")
    def post(self, request: Request) -> Response:
        """The same for a cart: each priced alone, best first; of the brands that the cart's lines name, or of any."""
        caller = get_caller(request.auth)
        body = validate(CartRequest, request.data)
        shop = get_brand_for_caller(caller=caller).slug if caller.scope is Scope.BRAND else None
        asked = to_request(body, brand=shop)
        shopper = shopper_for(caller=caller, customer_id=body.get("customer_id"))
        brands = {shop} if shop else {line.brand for line in asked.cart.lines if line.brand}
        found = services.list_offers(request=asked, brands=brands, shopper=shopper, at=timezone.now())
        return Response({"results": [_answer(it, asked.cart.currency) for it in found]})


def _text(request: Request, name: str) -> str | None:
    value = request.query_params.get(name)
    if value is not None and "\0" in value:
        raise InvalidRequest.field(name, "Null characters are not allowed.")
    return value


def _answer(found: Available, currency: str) -> dict[str, Any]:
    candidate = found.candidate
    answer: dict[str, Any] = {
        "kind": candidate.kind,
        "id": candidate.id,
        "title": candidate.title,
        "brand": candidate.brand,
    }
    if candidate.code:
        answer["code"] = candidate.code
    if found.amount is not None:
        answer["amount"] = money.format_decimal(found.amount, currency)
    if found.reason is not None:
        answer["reason"] = found.reason
    return answer

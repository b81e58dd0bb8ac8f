"""API of the offers that a shopper can use."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import CHECKOUT, READ, Acceptance, get_caller
from accounts.selectors import get_acceptance, get_brand_for_caller, shopper_for
from checkout import services
from checkout.api.input_serializers import CartInputSerializer
from checkout.api.parsers import find_other_brands, read_cart, to_quote_request
from checkout.api.serializers import CODE_HELP, KIND_HELP, NAME_HELP, OFFER_ID_HELP, ReasonSerializer
from checkout.contracts import AvailableOffer
from core import money
from core.errors import InvalidRequest
from core.views import APIView, KeyScopes
from redemptions.balances.api.serializers import CodeBalanceSerializer, serialize_balance

CUSTOMER = OpenApiParameter("customer_id", str, description=_("Customer to act for (brand API keys only)."))
BRAND = OpenApiParameter(
    "brand", str, description=_("Slug of the brand whose offers to return. Defaults to all brands.")
)


class AvailableOfferSerializer(serializers.Serializer[Any]):
    """An offer that the shopper can use. For a cart, with its discount if applied alone, or the reason for none."""

    kind = serializers.CharField(help_text=KIND_HELP)
    id = serializers.CharField(help_text=OFFER_ID_HELP)
    code = serializers.CharField(required=False, help_text=CODE_HELP)
    name = serializers.CharField(help_text=NAME_HELP)
    brand = serializers.CharField(help_text=_("Slug of the brand."))
    amount = serializers.CharField(required=False, help_text=_("Discount of the offer if applied alone."))
    reason = ReasonSerializer(required=False, help_text=_("Why the offer gives no discount on the cart."))
    balance = CodeBalanceSerializer(required=False, help_text=_("The balance of a code that keeps one."))


class AvailableOffersSerializer(serializers.Serializer[Any]):
    """The offers that the shopper can use."""

    results = AvailableOfferSerializer(many=True, help_text=_("Offers, best first."))


class OffersView(APIView):
    """``/api/v1/checkout/offers/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": READ | CHECKOUT, "post": CHECKOUT}
    is_for_browsers = True
    key_throttle_scope = "key_checkout"

    pagination_class = None

    @extend_schema(
        parameters=[BRAND, CUSTOMER], responses={200: AvailableOffersSerializer}, operation_id="checkout_offers"
    )
    def get(self, request: Request) -> Response:
        """List the offers that the shopper can use, newest first within each kind, at most 100 of each kind."""
        caller = get_caller(request.auth)
        shopper = shopper_for(caller=caller, customer_id=_get_text(request, "customer_id"))
        wanted = _get_text(request, "brand")
        acceptance = get_acceptance(caller=caller, brands=[wanted] if wanted else None)
        slug = get_brand_for_caller(caller=caller).slug if caller.brand_id and not wanted else None
        brands = {wanted} if wanted else _list_accepted(slug or caller.issuer_brand, acceptance)
        offers = services.list_offers(
            request=None, brands=brands, shopper=shopper, acceptance=acceptance, at=timezone.now()
        )
        return Response({"results": [_serialize_offer(offer, "") for offer in offers]})

    @extend_schema(
        request=CartInputSerializer,
        responses={200: AvailableOffersSerializer},
        operation_id="checkout_offers_for_cart",
    )
    def post(self, request: Request) -> Response:
        """List the offers for a cart, each priced alone, best first: of the lines' brands, or of all brands.

        Servers of a brand get those of their brand, and of the brands that granted them offers.
        """
        caller = get_caller(request.auth)
        body = read_cart(CartInputSerializer, request)
        slug = get_brand_for_caller(caller=caller).slug if caller.brand_id else None
        quote_request = to_quote_request(body, brand=slug, is_server=caller.is_checkout_server)
        shopper = shopper_for(caller=caller, customer_id=body.get("customer_id"))
        acceptance = get_acceptance(caller=caller, brands=find_other_brands(quote_request))
        brands = _list_accepted(slug or caller.issuer_brand, acceptance) or {
            line.brand for line in quote_request.cart.lines if line.brand
        }
        offers = services.list_offers(
            request=quote_request, brands=brands, shopper=shopper, acceptance=acceptance, at=timezone.now()
        )
        return Response({"results": [_serialize_offer(offer, quote_request.cart.currency) for offer in offers]})


def _list_accepted(own: str | None, acceptance: Acceptance) -> set[str]:
    """Return the slugs of a server's own brand and of those that granted it offers; none for callers of all brands."""
    return {own, *(grant.brand for grant in acceptance.grants.values())} if own else set()


def _get_text(request: Request, name: str) -> str | None:
    """Return a query parameter. Raises InvalidRequest for a null character, which PostgreSQL doesn't store."""
    value = request.query_params.get(name)
    if value is not None and "\0" in value:
        raise InvalidRequest.field(name, gettext("Null characters are not allowed."))
    return value


def _serialize_offer(offer: AvailableOffer, currency: str) -> dict[str, Any]:
    candidate = offer.candidate
    answer: dict[str, Any] = {
        "kind": candidate.kind,
        "id": candidate.id,
        "name": candidate.title,
        "brand": candidate.brand,
    }
    if candidate.code:
        answer["code"] = candidate.code
    if offer.amount is not None:
        answer["amount"] = money.format_decimal(offer.amount, currency)
    if offer.reason is not None:
        answer["reason"] = offer.reason
    if candidate.balance is not None:
        answer["balance"] = serialize_balance(candidate.balance)
    return answer

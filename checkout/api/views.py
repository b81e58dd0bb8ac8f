"""Checkout over HTTP: parse, call one service, answer."""

import contextlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Scope, get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, readable_brand_ids, shopper_for
from checkout import rules, selectors, services
from checkout.api.parsers import serialize_redemption, to_order, to_request
from checkout.api.serializers import CartRequest, QuoteAnswer, RedemptionAnswer, RedemptionRequest, RefundRequest
from checkout.models import Redemption
from core import throttle
from core.api import CursorPagination
from core.errors import Throttled
from core.idempotency import idempotent
from core.serializer_fields import validate
from promotions.errors import CodeNotFound

UNKNOWN_CODE_SCOPE = "cart_code_miss"


class QuoteView(APIView):
    """``/api/v1/checkout/quote/``"""

    @extend_schema(request=CartRequest, responses={200: QuoteAnswer}, operation_id="checkout_quote")
    def post(self, request: Request) -> Response:
        """Price a cart with the codes that were typed. Takes nothing."""
        body = validate(CartRequest, request.data)
        brand = _brand_of_caller(request)
        shopper = shopper_for(caller=get_caller(request.auth), customer_id=body.get("customer_id"))
        asked = to_request(body, brand=brand.slug if brand else None)
        who = f"{get_caller(request.auth).identity}/{shopper.customer_id}"
        throttle.peek(UNKNOWN_CODE_SCOPE, who)
        answer = rules.serialize_quote(services.quote(request=asked, shopper=shopper, at=timezone.now()))
        _throttle_unknown_codes(answer, who)
        return Response(answer)


class RedemptionsView(APIView):
    """``/api/v1/checkout/redemptions/``"""

    @extend_schema(request=RedemptionRequest, responses={201: RedemptionAnswer}, operation_id="redemption_create")
    @idempotent
    def post(self, request: Request) -> Response:
        """Reserve everything that the cart's codes give, for an order that is about to be paid."""
        body = validate(RedemptionRequest, request.data)
        brand = _brand_of_caller(request)
        shopper = shopper_for(caller=get_caller(request.auth), customer_id=body.get("customer_id"))
        who = f"{get_caller(request.auth).identity}/{shopper.customer_id}"
        throttle.peek(UNKNOWN_CODE_SCOPE, who)
        try:
            redemption = services.reserve(
                request=to_request(body, brand=brand.slug if brand else None),
                order=to_order(body, _raw_body(request), brand_id=brand.pk if brand else None),
                shopper=shopper,
                at=timezone.now(),
            )
        except CodeNotFound:
            throttle.consume(UNKNOWN_CODE_SCOPE, who)
            raise
        with contextlib.suppress(Throttled):  # what was taken is answered; the next guess is refused
            _throttle_unknown_codes(redemption.quote, who)
        return Response(serialize_redemption(redemption), status=201)

    @extend_schema(
        parameters=[OpenApiParameter("order", str, description="The merchant's order reference")],
        responses={200: RedemptionAnswer(many=True)},
        operation_id="redemption_list",
    )
    def get(self, request: Request) -> Response:
        """The caller's redemptions, newest first: a shopper's own, a brand's own."""
        found = selectors.list_visible(
            caller=get_caller(request.auth), brand_ids=readable_brand_ids(get_caller(request.auth))
        )
        found = found.select_related("customer").prefetch_related("refunded_lines")
        if order := request.query_params.get("order"):
            found = found.filter(order=order)
        page = CursorPagination()
        rows = page.paginate_queryset(found, request, view=self) or []
        return page.get_paginated_response([serialize_redemption(row) for row in rows])


class RedemptionView(APIView):
    """``/api/v1/checkout/redemptions/<id>/``"""

    @extend_schema(responses={200: RedemptionAnswer}, operation_id="redemption_read")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One redemption."""
        found = selectors.get_visible(
            pk=pk, caller=get_caller(request.auth), brand_ids=readable_brand_ids(get_caller(request.auth))
        )
        return Response(serialize_redemption(found))


class RedemptionActionView(APIView):
    """A verb on one redemption."""

    find: Callable[..., Redemption] = staticmethod(selectors.for_caller)

    def found(self, request: Request, pk: uuid.UUID) -> Redemption:
        caller = get_caller(request.auth)
        readable = readable_brand_ids(caller)
        editable = readable_brand_ids(caller, edit=True) if readable else readable  # nothing more than may be read
        return type(self).find(pk=pk, caller=caller, readable=readable, editable=editable)


class ConfirmView(RedemptionActionView):
    """``…/confirm/``"""

    @extend_schema(request=None, responses={200: RedemptionAnswer}, operation_id="redemption_confirm")
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """The order was paid."""
        return Response(serialize_redemption(services.confirm(redemption=self.found(request, pk), at=timezone.now())))


class CancelView(RedemptionActionView):
    """``…/cancel/``"""

    @extend_schema(request=None, responses={200: RedemptionAnswer}, operation_id="redemption_cancel")
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """The order will not be paid: everything is given back."""
        return Response(serialize_redemption(services.cancel(redemption=self.found(request, pk), at=timezone.now())))


class RefundView(RedemptionActionView):
    """``…/refund/``"""

    find = staticmethod(selectors.for_refund)

    @extend_schema(request=RefundRequest, responses={200: RedemptionAnswer}, operation_id="redemption_refund")
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Refund the whole order or some of its lines; a brand's verb, never the shopper's."""
        body = RefundRequest(data=request.data)
        body.is_valid(raise_exception=True)
        lines: Any = body.validated_data.get("lines")
        return Response(
            serialize_redemption(
                services.return_redemption(redemption=self.found(request, pk), lines=lines, at=timezone.now())
            )
        )


def _throttle_unknown_codes(quote: Mapping[str, Any], who: str) -> None:
    """Count each code that there is not; many in one cart are as many guesses. Raises Throttled."""
    for rejected in quote["rejected"]:
        if rejected["reason"]["code"] == CodeNotFound.code:
            throttle.consume(UNKNOWN_CODE_SCOPE, who)


def _raw_body(request: Request) -> dict[str, Any]:
    """The body as it was sent: an object, once its serializer has found it valid."""
    return dict(request.data)


def _brand_of_caller(request: Request) -> Brand | None:
    """The brand whose server asks, or None for a shopper who asks for themselves."""
    return (
        get_brand_for_caller(caller=get_caller(request.auth)) if get_caller(request.auth).scope is Scope.BRAND else None
    )

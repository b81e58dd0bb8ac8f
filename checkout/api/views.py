"""API of quotes and redemptions."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import CHECKOUT, READ, get_caller
from accounts.models import Brand
from accounts.selectors import get_acceptance, get_brand_for_caller, get_shopper, shopper_for, zone_of_lists
from checkout import selectors, serialization, services
from checkout.api.input_serializers import (
    AmendmentInputSerializer,
    QuoteInputSerializer,
    RedemptionInputSerializer,
    RedemptionQuerySerializer,
    RedemptionUpdateSerializer,
    RefundInputSerializer,
)
from checkout.api.parsers import (
    find_other_brands,
    read_cart,
    serialize_difference,
    serialize_redemption,
    to_amendment_options,
    to_quote_request,
    to_redemption_options,
)
from checkout.api.refunds import serialize_refund, to_refund_request
from checkout.api.serializers import AmendmentSerializer, QuoteSerializer, RedemptionSerializer, RefundSerializer
from checkout.models import Redemption
from core.errors import InvalidRequest
from core.etags import VersionedObject, versioned
from core.idempotency import idempotent
from core.list_queries import created_condition, own_data_condition, paginate, updated_condition, validate_query
from core.openapi import problem_responses
from core.serializer_fields import validate
from core.throttle import client_network
from core.views import APIView, KeyScopes
from redemptions.api.guesses import count_guesses
from redemptions.errors import CodeNotFound, InvalidStatus, PriceChanged


class QuoteView(APIView):
    """``/api/v1/checkout/quote/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}
    is_for_browsers = True
    key_throttle_scope = "key_checkout"

    @extend_schema(request=QuoteInputSerializer, responses={200: QuoteSerializer}, operation_id="checkout_quote")
    def post(self, request: Request) -> Response:
        """Price a cart with its codes. Nothing is redeemed.

        Servers may leave out the customer, for a visitor without a customer ID.
        """
        body = read_cart(QuoteInputSerializer, request)
        brand = _brand_of_caller(request)
        caller = get_caller(request.auth)
        customer_id = body.get("customer_id")
        is_for_visitor = caller.is_checkout_server and customer_id is None
        shopper = None if is_for_visitor else shopper_for(caller=caller, customer_id=customer_id)
        quote_request = to_quote_request(
            body,
            brand=brand.slug if brand else None,
            platform_key=caller.platform_key,
            is_server=caller.is_checkout_server,
        )
        acceptance = get_acceptance(caller=caller, brands=find_other_brands(quote_request))
        with count_guesses(
            caller.get_guess_limits(client_network(request), shopper.customer_id if shopper else None),
            quote_request.count_codes(),
        ) as guesses:
            quote = services.quote(request=quote_request, shopper=shopper, acceptance=acceptance, at=timezone.now())
            answer = serialization.serialize_quote(quote)
            guesses.failed = _count_unknown(answer)
        guesses.check()
        return Response(answer)


class RedemptionsView(APIView):
    """``/api/v1/checkout/redemptions/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": READ | CHECKOUT, "post": CHECKOUT}
    is_for_browsers = True
    key_throttle_scope = "key_checkout"

    @extend_schema(
        request=RedemptionInputSerializer, responses={201: RedemptionSerializer}, operation_id="redemption_create"
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Reserve the offers of a cart for an order that is about to be paid.

        Shoppers reserve only offers of brands that let them.
        """
        body = read_cart(RedemptionInputSerializer, request)
        brand = _brand_of_caller(request)
        caller = get_caller(request.auth)
        shopper, platform_key = shopper_for(caller=caller, customer_id=body.get("customer_id")), caller.platform_key
        quote_request = to_quote_request(
            body,
            brand=brand.slug if brand else None,
            platform_key=platform_key,
            is_server=caller.is_checkout_server,
        )
        limits = caller.get_guess_limits(client_network(request), shopper.customer_id)
        with count_guesses(limits, quote_request.count_codes()) as guesses:
            redemption = services.reserve(
                request=quote_request,
                options=to_redemption_options(
                    body, _raw_body(request), brand_id=brand.pk if brand else None, platform_key=platform_key
                ),
                shopper=shopper,
                acceptance=get_acceptance(caller=caller, brands=find_other_brands(quote_request)),
                at=timezone.now(),
            )
            answer = serialize_redemption(redemption)
            guesses.failed = _count_unknown(answer["quote"])
        return Response(answer, status=201)

    @extend_schema(
        parameters=[RedemptionQuerySerializer],
        responses={200: RedemptionSerializer(many=True)},
        operation_id="redemption_list",
    )
    def get(self, request: Request) -> Response:
        """List the caller's redemptions, newest first: those of the shopper, or those that concern the brand.

        A brand sees its own part of an order that it shares with others: its lines, its offers and their amounts.
        """
        caller = get_caller(request.auth)
        query = validate_query(RedemptionQuerySerializer, request)
        access = selectors.get_access(caller)
        redemptions = selectors.list_visible(access=access)
        filters = {name: query[name] for name in ("order", "status", "brand", "customer_id", "code") if name in query}
        redemptions = selectors.filter_redemptions(redemptions, **filters)
        redemptions = selectors.filter_by_senders_data(redemptions, own_data_condition(query), access=access)
        times = created_condition(query, find_zone=lambda: zone_of_lists(caller))
        times &= updated_condition(query, find_zone=lambda: zone_of_lists(caller))
        redemptions, page = redemptions.filter(times), paginate(query)
        rows = page.paginate_queryset(redemptions, request, view=self) or []
        selectors.load_items(rows, access)
        return page.get_paginated_response([_serialize(redemption, access) for redemption in rows])


class _OneRedemptionView(APIView):
    """A view of one redemption."""

    key_throttle_scope = "key_checkout"

    versioned_object = VersionedObject(
        lambda request, pk: selectors.get_visible(pk=pk, access=selectors.get_access(get_caller(request.auth))),
        lambda request, row: _serialize(row, selectors.get_access(get_caller(request.auth))),
        frozenset({"difference", "refund"}),
    )


class RedemptionView(_OneRedemptionView):
    """``/api/v1/checkout/redemptions/<id>/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": READ | CHECKOUT, "patch": CHECKOUT}
    is_for_browsers = True

    @extend_schema(responses={200: RedemptionSerializer}, operation_id="redemption_read")
    @versioned
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return a redemption, or its part of the calling brand."""
        caller = get_caller(request.auth)
        access = selectors.get_access(caller)
        return Response(_serialize(selectors.get_visible(pk=pk, access=access), access))

    @extend_schema(
        request=RedemptionUpdateSerializer, responses={200: RedemptionSerializer}, operation_id="redemption_change"
    )
    @versioned
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change the external ID and the metadata of a redemption that the caller sent."""
        fields = validate(RedemptionUpdateSerializer, request.data)
        access = selectors.get_access(get_caller(request.auth))
        redemption = selectors.get_annotatable(pk=pk, access=access)
        return Response(
            _serialize(services.change_metadata(redemption=redemption, fields=fields, at=timezone.now()), access)
        )


class ConfirmView(_OneRedemptionView):
    """``/api/v1/checkout/redemptions/<id>/confirm/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}
    is_for_browsers = True

    @extend_schema(request=None, responses={200: RedemptionSerializer}, operation_id="redemption_confirm")
    @idempotent
    @versioned
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Confirm a reservation after the order was paid.

        Shoppers confirm only where every brand whose offer the order has lets them.
        """
        access = selectors.get_access(get_caller(request.auth))
        redemption, actor = selectors.get_confirmable(pk=pk, access=access)
        redemption = services.confirm(redemption=redemption, by=actor, at=timezone.now())
        return Response(_serialize(redemption, access))


class CancelView(_OneRedemptionView):
    """``/api/v1/checkout/redemptions/<id>/cancel/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}
    is_for_browsers = True

    @extend_schema(request=None, responses={200: RedemptionSerializer}, operation_id="redemption_cancel")
    @idempotent
    @versioned
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Cancel a reservation whose order won't be paid, and release its offers."""
        access = selectors.get_access(get_caller(request.auth))
        redemption = services.cancel(redemption=selectors.get_editable(pk=pk, access=access), at=timezone.now())
        return Response(_serialize(redemption, access))


class AmendView(_OneRedemptionView):
    """``/api/v1/checkout/redemptions/<id>/amend/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}

    @extend_schema(
        request=AmendmentInputSerializer,
        responses={200: AmendmentSerializer, **problem_responses(InvalidStatus, PriceChanged)},
        operation_id="redemption_amend",
    )
    @idempotent
    @versioned
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace the cart of a confirmed order, and return the difference. Only brands may amend, never the shopper.

        The order is priced again with the offers that it has, as they were, or with all offers of now. Their uses stay;
        budgets follow.
        """
        body = read_cart(AmendmentInputSerializer, request)
        caller = get_caller(request.auth)
        access = selectors.get_access(caller)
        redemption = selectors.get_amendable(pk=pk, access=access)
        customer_id = redemption.customer.customer_id
        if "customer_id" in body and not _is_customer_of(redemption, body["customer_id"]):
            raise InvalidRequest.field("customer_id", gettext("The order is one of another customer."))
        quote_request = to_quote_request(body, brand=redemption.brand.slug if redemption.brand else None)
        limits = caller.get_guess_limits(client_network(request), customer_id)
        with count_guesses(limits, quote_request.count_codes()) as guesses:
            amendment = services.amend(
                redemption=redemption,
                request=quote_request,
                options=to_amendment_options(body),
                acceptance=access.get_acceptance(redemption),
                at=timezone.now(),
            )
            guesses.failed = _count_unknown(amendment.redemption.quote)
        return Response(_serialize(amendment.redemption, access) | {"difference": serialize_difference(amendment)})


class RefundView(_OneRedemptionView):
    """``/api/v1/checkout/redemptions/<id>/refund/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}

    @extend_schema(
        request=RefundInputSerializer,
        responses={200: RefundSerializer, **problem_responses(InvalidStatus)},
        operation_id="redemption_refund",
    )
    @idempotent
    @versioned
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Refund parts of an order, or all that is left of it. Only brands may refund, never the shopper.

        A brand whose server did not send the order refunds its own part: its lines and the discounts of its offers.
        The shares of all refunds add up to the discount. An `Idempotency-Key` makes a refund of some units repeatable.
        """
        serializer = RefundInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        access = selectors.get_access(get_caller(request.auth))
        redemption, part = selectors.get_refundable(pk=pk, access=access)
        refund = services.return_redemption(
            redemption=redemption,
            request=to_refund_request(serializer.validated_data, redemption.currency),
            part=part,
            at=timezone.now(),
        )
        return Response(_serialize(refund.redemption, access) | {"refund": serialize_refund(refund)})


def _serialize(redemption: Redemption, access: selectors.Access) -> dict[str, Any]:
    """Return what the caller may see of a redemption."""
    is_senders = selectors.is_senders_data_visible(redemption, access)
    return serialize_redemption(redemption, selectors.find_visible_part(redemption, access), is_senders=is_senders)


def _count_unknown(quote: Mapping[str, Any]) -> int:
    """Return the number of codes and vouchers in a quote that don't exist."""
    return sum(rejected["reason"]["code"] == CodeNotFound.code for rejected in quote["rejected"])


def _is_customer_of(redemption: Redemption, customer_id: str) -> bool:
    """Return whether the customer of a redemption is the one that its brand names, also if it has merged this one."""
    named = get_shopper(customer_id, brand_id=redemption.brand_id)
    return named is not None and named.id == redemption.customer_id


def _raw_body(request: Request) -> dict[str, Any]:
    """Return the body as sent. Its serializer has checked that it is an object."""
    return dict(request.data)


def _brand_of_caller(request: Request) -> Brand | None:
    """Return the brand whose server sends the request, or None for a shopper."""
    caller = get_caller(request.auth)
    return get_brand_for_caller(caller=caller) if caller.brand_id else None

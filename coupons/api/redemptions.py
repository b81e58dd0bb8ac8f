"""API views of redemptions and reservations of coupons."""

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import CHECKOUT, READ, Shopper, get_caller
from accounts.selectors import get_acceptance, readable_brand_ids, shopper_for
from accounts.services import get_or_create_customer
from core.errors import Busy, DomainError, NotFound
from core.fast_views import Answer, Call, FastView
from core.idempotency import idempotent
from core.ids import uuid7
from core.openapi import problem_responses
from core.serializer_fields import validate
from core.views import APIView, KeyScopes
from coupons import errors, selectors, services
from coupons.api.coupons import editable
from coupons.api.serializers import (
    CouponEligibilitySerializer,
    CouponRedemptionInputSerializer,
    CouponRedemptionSerializer,
    CouponReservationInputSerializer,
    serialize_redemption,
)
from coupons.contracts import RedemptionRequest
from coupons.models import CouponRedemption
from coupons.selectors.codes import KIND
from redemptions.api.guesses import count_guesses
from redemptions.api.identities import to_identities
from redemptions.errors import (
    CartRequired,
    CodeAlreadyUsed,
    CodeInactive,
    CodeNotFound,
    InvalidStatus,
    ReservationExpired,
    TooManyReservations,
)

ELIGIBILITY_ERRORS: tuple[type[DomainError], ...] = (
    errors.CouponNotStarted,
    errors.CouponEnded,
    CodeInactive,
    errors.CouponLimitReached,
    errors.CouponLimitPerCustomer,
    CodeAlreadyUsed,
    CodeNotFound,
    CartRequired,
    Busy,
)


class EligibilityView(APIView):
    """``/api/v1/coupons/<id>/eligibility/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": READ | CHECKOUT}
    is_for_browsers = True
    key_throttle_scope = "key_checkout"

    @extend_schema(
        parameters=[OpenApiParameter("customer_id", str, description=_("Customer to act for (brand API keys only)."))],
        responses={200: CouponEligibilitySerializer},
        operation_id="coupon_eligibility",
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Check whether the caller could redeem the coupon now, without redeeming it."""
        _coupon, shopper = _resolve_coupon_and_shopper(request.auth, pk, request.query_params.get("customer_id"))
        coupon = selectors.get_coupon(pk=pk, among=selectors.list_coupons())
        reasons, remaining, remaining_for_customer = selectors.get_eligibility(
            coupon=coupon, shopper=shopper, at=timezone.now()
        )
        return Response(
            {
                "eligible": not reasons,
                "reasons": [error.code for error in reasons],
                "remaining": remaining,
                "remaining_for_customer": remaining_for_customer,
            }
        )


class RedemptionsView(FastView):
    """``/api/v1/coupons/<id>/redemptions/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}
    is_for_browsers = True
    key_throttle_scope = "key_checkout"

    @extend_schema(
        request=CouponRedemptionInputSerializer,
        responses={201: CouponRedemptionSerializer, **problem_responses(*ELIGIBILITY_ERRORS)},
        operation_id="coupon_redeem",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Redeem a coupon."""
        return self.answer(request, pk=pk)

    @staticmethod
    def serve(call: Call, pk: uuid.UUID) -> Answer:
        """Redeem the coupon and return the redemption."""
        return _redeem(call, pk, validate(CouponRedemptionInputSerializer, call.body()))


class ReservationsView(FastView):
    """``/api/v1/coupons/<id>/reservations/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}
    is_for_browsers = True
    key_throttle_scope = "key_checkout"

    @extend_schema(
        request=CouponReservationInputSerializer,
        responses={201: CouponRedemptionSerializer, **problem_responses(*ELIGIBILITY_ERRORS, TooManyReservations)},
        operation_id="coupon_reserve",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Reserve a coupon. The reservation expires after `ttl_seconds` unless it is confirmed or released before."""
        return self.answer(request, pk=pk)

    @staticmethod
    def serve(call: Call, pk: uuid.UUID) -> Answer:
        """Reserve the coupon and return the reservation."""
        values = validate(CouponReservationInputSerializer, call.body())
        return _redeem(call, pk, values, until=call.at + timedelta(seconds=values["ttl_seconds"]))


class ConfirmView(APIView):
    """``/api/v1/coupons/redemptions/<id>/confirm/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}
    is_for_browsers = True
    key_throttle_scope = "key_checkout"

    @extend_schema(
        request=None,
        responses={200: CouponRedemptionSerializer, **problem_responses(ReservationExpired, InvalidStatus)},
        operation_id="coupon_confirm",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Confirm a reservation. Repeating the request has no effect."""
        return _respond(services.confirm(redemption=_own(request, pk).pk, at=timezone.now()))


class ReleaseView(APIView):
    """``/api/v1/coupons/redemptions/<id>/release/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}
    is_for_browsers = True
    key_throttle_scope = "key_checkout"

    @extend_schema(
        request=None,
        responses={200: CouponRedemptionSerializer, **problem_responses(InvalidStatus)},
        operation_id="coupon_release",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Release a reservation. Repeating the request has no effect."""
        return _respond(services.release(redemption=_own(request, pk).pk, at=timezone.now()))


class RefundView(APIView):
    """``/api/v1/coupons/redemptions/<id>/refund/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": CHECKOUT}
    key_throttle_scope = "key_checkout"

    @extend_schema(
        request=None,
        responses={200: CouponRedemptionSerializer, **problem_responses(InvalidStatus)},
        operation_id="coupon_refund",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Return a confirmed redemption (brands only). Repeating the request has no effect."""
        redemption = _own(request, pk)
        if get_caller(request.auth).platform_key is None:
            editable(request, redemption.coupon_id)
        return _respond(services.return_redemption(redemption=redemption.pk, at=timezone.now()))


def _redeem(call: Call, pk: uuid.UUID, values: dict[str, Any], *, until: datetime | None = None) -> Answer:
    coupon, shopper = _resolve_coupon_and_shopper(call.auth, pk, values.get("customer_id"))
    customer = get_or_create_customer(shopper=shopper)
    caller, code = get_caller(call.auth), values.get("code", "")
    is_server = caller.is_checkout_server
    identities = to_identities(values, is_server=is_server)
    request = RedemptionRequest(uuid7(), customer.key, code, until, by_shopper=not is_server, identities=identities)
    with count_guesses(caller.get_guess_limits(call.network, customer.customer_id), 1 if code else 0):
        redemption = services.redeem(coupon=coupon, request=request, at=call.at)
    return serialize_redemption(redemption, user_id=customer.user_id, customer_id=customer.customer_id), 201


def _resolve_coupon_and_shopper(auth: Any, coupon: uuid.UUID, customer_id: str | None) -> tuple[uuid.UUID, Shopper]:
    """Return the coupon and the shopper who would redeem it: the caller, or the customer that a server names.

    Raises NotFound if a brand's server asks for a coupon of another brand that didn't grant it.
    """
    caller = get_caller(auth)
    shopper = shopper_for(caller=caller, customer_id=customer_id)
    brand_ids = get_acceptance(caller=caller).list_brand_ids(KIND)
    if brand_ids is not None:
        selectors.get_coupon(pk=coupon, among=selectors.list_for_brands(brand_ids=brand_ids))
    return coupon, shopper


def _own(request: Request, pk: uuid.UUID) -> CouponRedemption:
    """Return a redemption by the caller, or of a coupon whose brand the caller acts for, also by a grant.

    Raises NotFound for others, and PermissionDenied for viewers.
    """
    caller = get_caller(request.auth)
    redemption = selectors.get_redemption(pk=pk)
    if not caller.reaches(redemption.coupon.brand_id):
        raise NotFound
    if caller.customer_key is not None and redemption.customer_id == caller.customer_key:
        return redemption
    is_server = caller.api_key_id is not None
    brand_ids = get_acceptance(caller=caller).list_brand_ids(KIND) if is_server else readable_brand_ids(caller)
    if brand_ids is not None and redemption.coupon.brand_id not in brand_ids:
        raise NotFound
    if not is_server:
        editable(request, redemption.coupon_id)
    return redemption


def _respond(redemption: CouponRedemption) -> Response:
    user = redemption.customer.user
    body = serialize_redemption(
        redemption, user_id=user.uuid if user else None, customer_id=redemption.customer.customer_id
    )
    return Response(body)

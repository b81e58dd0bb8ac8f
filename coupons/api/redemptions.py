"""Redemptions and reservations of coupons over HTTP: parse, call one service, answer."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Scope, Shopper, get_caller
from accounts.selectors import readable_brand_ids, shopper_for
from accounts.services import get_or_create_customer
from core import throttle
from core.errors import Busy, NotFound
from core.hot import Answer, Call, HotView
from core.idempotency import idempotent
from core.ids import uuid7
from core.openapi import problem_responses
from core.serializer_fields import validate
from coupons import errors, selectors, services
from coupons.api.coupons import editable
from coupons.api.serializers import (
    CouponRedeemRequest,
    CouponRedemptionAnswer,
    CouponReserveRequest,
    EligibilityAnswer,
    redemption_answer,
)
from coupons.contracts import RedemptionRequest
from coupons.models import CouponRedemption
from promotions.code_rules import normalize_code
from promotions.errors import CodeAlreadyUsed, CodeNotFound, InvalidStatus, ReservationExpired

UNKNOWN_CODE_SCOPE = "cart_code_miss"
ELIGIBILITY_ERRORS = problem_responses(
    errors.CouponNotStarted,
    errors.CouponEnded,
    errors.CouponLimitReached,
    errors.CouponLimitPerCustomer,
    CodeAlreadyUsed,
    CodeNotFound,
    Busy,
)


class EligibilityView(APIView):
    """``/api/v1/coupons/<id>/eligibility/``"""

    @extend_schema(responses={200: EligibilityAnswer}, operation_id="coupon_eligibility")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Whether the caller, or the customer whom a brand's server names (`customer_id`), could redeem it now.

        Takes nothing.
        """
        _, shopper = _resolve_coupon_and_shopper(request.auth, pk, request.query_params.get("customer_id"))
        coupon = selectors.get_coupon(pk=pk, among=selectors.list_coupons())
        reasons, left, own = selectors.get_eligibility(coupon=coupon, shopper=shopper, at=timezone.now())
        return Response(
            {
                "eligible": not reasons,
                "reasons": [it.code for it in reasons],
                "remaining": left,
                "remaining_for_user": own,
            }
        )


class RedemptionsView(HotView):
    """``/api/v1/coupons/<id>/redemptions/``"""

    throttle_misses = UNKNOWN_CODE_SCOPE

    @extend_schema(
        request=CouponRedeemRequest,
        responses={201: CouponRedemptionAnswer, **ELIGIBILITY_ERRORS},
        operation_id="coupon_redeem",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Redeem the coupon, for good."""
        return self.answer(request, pk=pk)

    @staticmethod
    def serve(call: Call, pk: uuid.UUID) -> Answer:
        """The redemption."""
        return _redeem(call.auth, pk, validate(CouponRedeemRequest, call.body()), at=call.at)


class ReservationsView(HotView):
    """``/api/v1/coupons/<id>/reservations/``"""

    throttle_misses = UNKNOWN_CODE_SCOPE

    @extend_schema(
        request=CouponReserveRequest,
        responses={201: CouponRedemptionAnswer, **ELIGIBILITY_ERRORS},
        operation_id="coupon_reserve",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Hold the coupon for a while; then it is confirmed, released, or gives its place back by itself."""
        return self.answer(request, pk=pk)

    @staticmethod
    def serve(call: Call, pk: uuid.UUID) -> Answer:
        """The reservation."""
        asked = validate(CouponReserveRequest, call.body())
        return _redeem(call.auth, pk, asked, at=call.at, until=call.at + timedelta(seconds=asked["ttl_seconds"]))


class ConfirmView(APIView):
    """``/api/v1/coupons/redemptions/<id>/confirm/``"""

    @extend_schema(
        request=None,
        responses={200: CouponRedemptionAnswer, **problem_responses(ReservationExpired, InvalidStatus)},
        operation_id="coupon_confirm",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """The reservation becomes final; twice is once."""
        return _answer(services.confirm(redemption=_own(request, pk).pk, at=timezone.now()))


class ReleaseView(APIView):
    """``/api/v1/coupons/redemptions/<id>/release/``"""

    @extend_schema(
        request=None,
        responses={200: CouponRedemptionAnswer, **problem_responses(InvalidStatus)},
        operation_id="coupon_release",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """The reservation gives its place back; twice is once."""
        return _answer(services.release(redemption=_own(request, pk).pk, at=timezone.now()))


class RefundView(APIView):
    """``/api/v1/coupons/redemptions/<id>/refund/``"""

    @extend_schema(
        request=None,
        responses={200: CouponRedemptionAnswer, **problem_responses(InvalidStatus)},
        operation_id="coupon_refund",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """The brand takes a redemption back, and its place can be had again; twice is once."""
        redemption = _own(request, pk)
        editable(request, redemption.coupon_id)
        return _answer(services.return_redemption(redemption=redemption.pk, at=timezone.now()))


def _redeem(auth: Any, pk: uuid.UUID, asked: dict[str, Any], *, at: datetime, until: datetime | None = None) -> Answer:
    coupon, shopper = _resolve_coupon_and_shopper(auth, pk, asked.get("customer_id"))
    known = get_or_create_customer(shopper=shopper)
    code = normalize_code(asked["code"]) or "?" if "code" in asked else ""  # what can be no code opens nothing
    try:
        redemption = services.redeem(coupon=coupon, request=RedemptionRequest(uuid7(), known.key, code, until), at=at)
    except CodeNotFound:
        throttle.consume(UNKNOWN_CODE_SCOPE, get_caller(auth).identity)
        raise
    return redemption_answer(redemption, user_id=known.user_id, customer_id=known.customer_id), 201


def _resolve_coupon_and_shopper(auth: Any, coupon: uuid.UUID, customer_id: str | None) -> tuple[uuid.UUID, Shopper]:
    """Which coupon, and who would redeem it: the caller, or a customer of a brand's server, which asks for its own
    coupons alone. Raises NotFound for another's.
    """
    caller = get_caller(auth)
    shopper = shopper_for(caller=caller, customer_id=customer_id)
    if caller.scope is Scope.BRAND:
        selectors.get_coupon(pk=coupon, among=selectors.list_for_brands(brand_ids=readable_brand_ids(caller)))
    return coupon, shopper


def _own(request: Request, pk: uuid.UUID) -> CouponRedemption:
    """A redemption of the caller's own, or of a coupon of their brand. Raises NotFound, PermissionDenied (viewers)."""
    caller = get_caller(request.auth)
    redemption = selectors.get_redemption(pk=pk)
    if caller.customer_key is not None and redemption.customer_id == caller.customer_key:
        return redemption
    brand_ids = readable_brand_ids(caller)
    if brand_ids is not None and redemption.coupon.brand_id not in brand_ids:
        raise NotFound
    editable(request, redemption.coupon_id)
    return redemption


def _answer(redemption: CouponRedemption) -> Response:
    user = redemption.customer.user
    answer = redemption_answer(
        redemption, user_id=user.uuid if user else None, customer_id=redemption.customer.customer_id
    )
    return Response(answer)

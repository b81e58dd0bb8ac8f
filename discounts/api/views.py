"""Discount codes over HTTP: parse, call one service, answer."""

import uuid
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Caller, get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, readable_brand_ids, shopper_for
from core import throttle
from core.api import CursorPagination
from core.errors import NotFound, PermissionDenied
from core.hot import Answer, Call, HotView
from core.idempotency import idempotent
from core.serializer_fields import parse_minor_units, validate
from discounts import selectors, services
from discounts.api.serializers import (
    CodeAnswer,
    CodeChange,
    CodeRequest,
    UsageAnswer,
    UsageRequest,
    code_answer,
    usage_answer,
)
from discounts.models import DiscountCode
from promotions.code_rules import normalize_code
from promotions.errors import CodeNotFound

UNKNOWN_CODE_SCOPE = "code_miss"  # closed when Redis is away: looking is what who guesses would want
UNKNOWN_REDEMPTION_SCOPE = "cart_code_miss"  # open: a shopper goes on shopping


class CodesView(APIView):
    """``/api/v1/discountcode/``"""

    @extend_schema(request=CodeRequest, responses={201: CodeAnswer}, operation_id="discountcode_create")
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a code of the caller's brand and announce it."""
        body = CodeRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        code = services.create_code(
            brand=get_brand_for_caller(caller=get_caller(request.auth), slug=asked.get("brand"), edit=True),
            text=asked["id"],
            rule=asked["rule"],
            validity=asked["validity"],
            notify=asked["notify"],
            by=get_caller(request.auth).user_key,
            at=timezone.now(),
        )
        return Response(code_answer(code, selectors.announcement_progress(code)), status=201)

    @extend_schema(
        parameters=[
            OpenApiParameter("brand", str, description="A shopper names the brand whose codes they would like")
        ],
        responses={200: CodeAnswer(many=True)},
        operation_id="discountcode_list",
    )
    def get(self, request: Request) -> Response:
        """Staff: the brand's codes, newest first.

        A shopper, with ``brand``: announced codes that they could use now.
        """
        caller, slug = get_caller(request.auth), request.query_params.get("brand")
        brand_ids = readable_brand_ids(caller)
        if brand_ids is None or (brand_ids and not _is_other_brands_shopper(caller, slug, brand_ids)):
            codes = selectors.list_for_brands(brand_ids=brand_ids)
            codes = codes.filter(brand__slug=slug) if slug else codes
        elif slug:
            shopper = shopper_for(caller=caller, customer_id=None)
            codes = selectors.usable(brand_slug=slug, shopper=shopper, at=timezone.now())
        else:
            raise PermissionDenied("Name the brand whose codes you would like: ?brand=…")
        page = CursorPagination()
        found = page.paginate_queryset(codes, request, view=self) or []
        return page.get_paginated_response([code_answer(code) for code in found])


class CodeView(APIView):
    """``/api/v1/discountcode/<id>/``, by the code's string or its SHA-256."""

    @extend_schema(responses={200: CodeAnswer}, operation_id="discountcode_read")
    def get(self, request: Request, name: str) -> Response:
        """The code, its rule and validity, also when it has expired."""
        throttle.peek(UNKNOWN_CODE_SCOPE, get_caller(request.auth).identity)
        try:
            code = selectors.get_by_code_or_digest(name)
        except CodeNotFound:
            throttle.consume(UNKNOWN_CODE_SCOPE, get_caller(request.auth).identity)
            raise
        brand_ids = readable_brand_ids(get_caller(request.auth))
        own = brand_ids is None or code.brand_id in brand_ids
        return Response(code_answer(code, selectors.announcement_progress(code) if own else None))

    @extend_schema(request=CodeChange, responses={200: CodeAnswer}, operation_id="discountcode_change")
    def patch(self, request: Request, name: str) -> Response:
        """Change the validity, or switch the code on or off."""
        body = CodeChange(data=request.data)
        body.is_valid(raise_exception=True)
        code = services.change_code(
            code=self._own(request, name),
            at=timezone.now(),
            validity=body.validated_data.get("validity"),
            is_active=body.validated_data.get("active"),
        )
        return Response(code_answer(code, selectors.announcement_progress(code)))

    @extend_schema(responses={204: None}, operation_id="discountcode_deactivate")
    def delete(self, request: Request, name: str) -> Response:
        """Deactivate the code; its uses stay."""
        services.deactivate(code=self._own(request, name))
        return Response(status=204)

    def _own(self, request: Request, name: str) -> DiscountCode:
        """The caller's own code; another brand's is not there."""
        brand_ids = readable_brand_ids(get_caller(request.auth))
        try:
            code = selectors.get_by_code_or_digest(name)
        except CodeNotFound as error:
            raise NotFound from error
        if brand_ids is not None and code.brand_id not in brand_ids:
            raise NotFound
        get_brand_for_caller(caller=get_caller(request.auth), slug=code.brand.slug, edit=True)
        return code


class UsagesView(HotView):
    """``/api/v1/discountcodeusage/``"""

    throttle_misses = UNKNOWN_REDEMPTION_SCOPE

    @extend_schema(request=UsageRequest, responses={201: UsageAnswer}, operation_id="discountcodeusage_create")
    @idempotent
    def post(self, request: Request) -> Response:
        """Use a code: once per shopper."""
        return self.answer(request)

    @staticmethod
    def serve(call: Call) -> Answer:
        """The use."""
        asked = validate(UsageRequest, call.body())
        shopper = get_caller(call.auth).shopper
        if shopper is None or asked.get("user", shopper.user_id) != shopper.user_id:
            raise PermissionDenied("A use is the caller's own.")
        try:
            used = services.redeem_code(
                code=normalize_code(asked["discount_code"]) or "", shopper=shopper, at=call.at, **_money(asked)
            )
        except CodeNotFound:
            throttle.consume(UNKNOWN_REDEMPTION_SCOPE, get_caller(call.auth).identity)
            raise
        return usage_answer(used), 201


class UsageView(APIView):
    """``/api/v1/discountcodeusage/<id>/``"""

    @extend_schema(
        parameters=[OpenApiParameter("brand", str, description="When the caller is staff of several brands")],
        responses={204: None},
        operation_id="discountcodeusage_return",
    )
    def delete(self, request: Request, usage_id: uuid.UUID) -> Response:
        """Give a use of the brand's code back."""
        slug = request.query_params.get("brand")
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=slug, edit=True)
        services.return_redemption(usage_id=usage_id, brand=brand, at=timezone.now())
        return Response(status=204)


def _is_other_brands_shopper(caller: Caller, slug: str | None, brand_ids: list[uuid.UUID]) -> bool:
    """Whether somebody's staff asks as a shopper: for the codes of a brand that is not theirs."""
    return bool(slug and caller.shopper) and not Brand.objects.filter(pk__in=brand_ids, slug=slug).exists()


def _money(asked: dict[str, Any]) -> dict[str, Any]:
    """``amount`` in minor units of ``currency``, which is the brand's when none was sent."""
    if "amount" not in asked:
        return {"amount": None, "currency": asked.get("currency")}
    currency = asked.get("currency") or selectors.currency_of(asked["discount_code"])
    return {"amount": parse_minor_units(asked["amount"], currency, "amount"), "currency": currency}

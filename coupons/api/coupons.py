"""Coupons over HTTP: parse, call one service, answer."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from backoffice.base.csv_export import csv_response
from core import redis
from core.api import CsvRenderer, CursorPagination
from core.errors import PermissionDenied
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.serializer_fields import localize_date
from coupons import selectors, services
from coupons.api.serializers import (
    CouponAnswer,
    CouponChange,
    CouponCodesAnswer,
    CouponCodesRequest,
    CouponRequest,
    CreatedAnswer,
    batch_answer,
    coupon_answer,
)
from coupons.models import CouponDefinition
from promotions.errors import CodeTaken, PatternTooWeak
from promotions.models import CodeBatch

LIST_CACHE_MS = 5_000  # how old the list of active coupons may be
SIMPLE_FIELDS = (
    "title", "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "limit_strategy", "offer",
)  # fmt: skip


class CouponListPagination(CursorPagination):
    """Pages of coupons that run, in their order."""

    ordering = "place"


class CouponsView(APIView):
    """``/api/v1/coupons/``"""

    @extend_schema(
        request=CouponRequest,
        responses={201: CreatedAnswer, 202: CreatedAnswer, **problem_responses(CodeTaken, PatternTooWeak)},
        operation_id="coupon_create",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a coupon of the caller's brand. Many codes are made in the background: 202 with a `job`."""
        body = CouponRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked, caller = body.validated_data, get_caller(request.auth)
        brand = get_brand_for_caller(caller=caller, slug=asked.get("brand"), edit=True)
        coupon, batch = services.create(
            brand=brand, fields=_fields(asked, brand), codes=_codes(asked.get("codes")), by=caller.user_key,
            at=timezone.now(),
        )  # fmt: skip
        answer = _own_answer(request, coupon)
        if batch is None:
            return Response(answer, status=201)
        return Response(
            answer | {"job": _status_url(request, coupon, batch)}, status=201 if batch.is_generated else 202
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("brand", str, description="Only this brand's"),
            OpenApiParameter("state", str, enum=["active", "all"], description="Staff: also what does not run now"),
        ],
        responses={200: CouponAnswer(many=True)},
        operation_id="coupon_list",
    )
    def get(self, request: Request) -> HttpResponse:
        """Coupons that run now, what ends first first, exhausted ones last; staff see their own brands' alone.

        At most five seconds old.
        """
        brand_ids, slug = readable_brand_ids(get_caller(request.auth)), request.query_params.get("brand")
        if brand_ids != []:
            return self._page(request, selectors.list_for_brands(brand_ids=brand_ids), slug, own=True)
        key = redis.key("coupons", f"{request.get_host()}{request.get_full_path()}")
        if (known := _cache_get(key)) is not None:
            return HttpResponse(known, content_type="application/json")
        response = self._page(request, selectors.list_public(), slug, own=False)
        _cache_set(key, JSONRenderer().render(response.data))
        return response

    def _page(self, request: Request, found: Any, slug: str | None, *, own: bool) -> Response:
        found = found.filter(brand__slug=slug) if slug else found
        every = own and request.query_params.get("state") == "all"
        page: CursorPagination = CursorPagination() if every else CouponListPagination()
        if not every:
            found = selectors.filter_active(found, at=timezone.now())
        rows = page.paginate_queryset(found, request, view=self) or []
        left = selectors.remaining(coupons=[row.pk for row in rows], at=timezone.now())
        return page.get_paginated_response([_answer(row, left) for row in rows])


class CouponView(APIView):
    """``/api/v1/coupons/<id>/``"""

    @extend_schema(responses={200: CouponAnswer}, operation_id="coupon_read")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One coupon; its brand also sees its codes."""
        brand_ids = readable_brand_ids(get_caller(request.auth))
        mine = selectors.list_for_brands(brand_ids=brand_ids).filter(pk=pk).first()
        if mine is not None:
            return Response(_own_answer(request, mine))
        coupon = selectors.get_coupon(pk=pk, among=selectors.list_public())
        return Response(_answer(coupon, selectors.remaining(coupons=[pk], at=timezone.now())))

    @extend_schema(request=CouponChange, responses={200: CouponAnswer}, operation_id="coupon_change")
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what may be changed now."""
        coupon = editable(request, pk)
        body = CouponChange(data=request.data)
        body.is_valid(raise_exception=True)
        fields = _fields(body.validated_data, coupon.brand)
        return Response(_own_answer(request, services.change(coupon=coupon, fields=fields, at=timezone.now())))

    @extend_schema(responses={204: None}, operation_id="coupon_deactivate")
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Withdraw the coupon; what was redeemed stays so."""
        services.deactivate(coupon=editable(request, pk))
        return Response(status=204)


class BatchesView(APIView):
    """``/api/v1/coupons/<id>/codes/``"""

    @extend_schema(
        request=CouponCodesRequest,
        responses={201: CouponCodesAnswer, 202: CouponCodesAnswer, **problem_responses(PatternTooWeak)},
        operation_id="coupon_codes_create",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Order more codes that open the coupon and are good once each; many are made in the background: 202."""
        coupon = editable(request, pk)
        body = CouponCodesRequest(data=request.data)
        body.is_valid(raise_exception=True)
        batch = services.add_codes(coupon=coupon, codes=services.CodesSpec(**body.validated_data))
        return Response(_batch(request, coupon, batch), status=201 if batch.is_generated else 202)

    @extend_schema(responses={200: CouponCodesAnswer(many=True)}, operation_id="coupon_codes_list")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """The batches of the coupon's codes, newest first."""
        coupon = readable(request, pk)
        page = CursorPagination()
        rows = page.paginate_queryset(selectors.list_batches(coupon=coupon), request, view=self) or []
        return page.get_paginated_response([_batch(request, coupon, row) for row in rows])


class BatchView(APIView):
    """``/api/v1/coupons/<id>/codes/<batch>/``"""

    @extend_schema(responses={200: CouponCodesAnswer}, operation_id="coupon_codes_read")
    def get(self, request: Request, pk: uuid.UUID, batch: uuid.UUID) -> Response:
        """One batch and how far the making has come."""
        coupon = readable(request, pk)
        return Response(_batch(request, coupon, selectors.get_batch(pk=batch, coupon=coupon)))


class BatchCodesView(APIView):
    """``…/codes.csv``"""

    renderer_classes = (CsvRenderer, JSONRenderer)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, operation_id="coupon_codes_export")
    def get(self, request: Request, pk: uuid.UUID, batch: uuid.UUID) -> StreamingHttpResponse:
        """Every code of the batch so far: `code`, `state` (`used`, `held` or `free`)."""
        found = selectors.get_batch(pk=batch, coupon=readable(request, pk))
        rows = selectors.iter_batch_codes(batch=found, at=timezone.now())
        return csv_response(f"codes-{found.pk}.csv", ("code", "state"), rows, marked=False)


def readable(request: Request, pk: uuid.UUID) -> CouponDefinition:
    """A coupon of the caller's own brands. Raises NotFound for another's, PermissionDenied for shoppers."""
    brand_ids = readable_brand_ids(get_caller(request.auth))
    if brand_ids == []:
        raise PermissionDenied
    return selectors.get_coupon(pk=pk, among=selectors.list_for_brands(brand_ids=brand_ids))


def editable(request: Request, pk: uuid.UUID) -> CouponDefinition:
    """A coupon that the caller may change. Raises as ``readable`` does, and PermissionDenied for viewers."""
    coupon = readable(request, pk)
    get_brand_for_caller(caller=get_caller(request.auth), slug=coupon.brand.slug, edit=True)
    return coupon


# --- from the wire ----------------------------------------------------------------------------------------------------
def _fields(asked: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    """What was asked as fields of the model, days at the brand's midnight."""
    fields = {name: asked[name] for name in SIMPLE_FIELDS if name in asked}
    fields |= {name: localize_date(asked[name], brand.timezone) for name in ("start_date", "end_date") if name in asked}
    return fields | ({"is_active": asked["active"]} if "active" in asked else {})


def _codes(asked: Mapping[str, Any] | None) -> services.CodesSpec | None:
    if asked is None:
        return None
    return services.CodesSpec(shared=asked["shared"]) if "shared" in asked else services.CodesSpec(**asked["generate"])


# --- answers ----------------------------------------------------------------------------------------------------------
def _answer(coupon: CouponDefinition, left: Mapping[uuid.UUID, int]) -> dict[str, Any]:
    return coupon_answer(
        coupon, left=left.get(coupon.pk), processes=settings.COUPON_PROCESSES, threads=settings.COUPON_THREADS
    )


def _own_answer(request: Request, coupon: CouponDefinition) -> dict[str, Any]:
    """With what is for the brand alone."""
    newest: Iterable[CodeBatch] = selectors.list_batches(coupon=coupon)[:20]
    return _answer(coupon, selectors.remaining(coupons=[coupon.pk], at=timezone.now())) | {
        "code": coupon.code_id,
        "codes": [_batch(request, coupon, batch) for batch in newest],
    }


def _batch(request: Request, coupon: CouponDefinition, batch: CodeBatch) -> dict[str, Any]:
    return batch_answer(batch, coupon=coupon, job=_status_url(request, coupon, batch))


def _status_url(request: Request, coupon: CouponDefinition, batch: CodeBatch) -> str:
    return request.build_absolute_uri(reverse("coupon-codes", args=[coupon.pk, batch.pk]))


def _cache_get(key: str) -> bytes | None:
    """The list as it was answered a moment ago, if Redis has it."""
    try:
        return redis.client().get(key)  # type: ignore[return-value]  # bytes, as the client decodes nothing
    except redis.Error:
        return None


def _cache_set(key: str, body: bytes) -> None:
    try:
        redis.client().set(key, body, px=LIST_CACHE_MS)
    except redis.Error:
        return

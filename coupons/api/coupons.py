"""API views of coupons and their codes."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core import redis
from core.api import CursorPagination
from core.errors import PermissionDenied
from core.etags import VersionedObject, versioned
from core.idempotency import idempotent
from core.list_queries import paginate, validate_query
from core.metadata import pick_metadata
from core.openapi import problem_responses
from core.serializer_fields import localize
from core.views import APIView
from coupons import selectors, services
from coupons.api.serializers import (
    ALL,
    CouponInputSerializer,
    CouponQuerySerializer,
    CouponSerializer,
    CouponUpdateSerializer,
    CreatedCouponSerializer,
    serialize_coupon,
)
from coupons.models import CouponDefinition
from redemptions.api.lifecycle import VOLATILE
from redemptions.api.limits import PeriodLimitsSerializer, serialize_staff_fields, to_limit_fields
from redemptions.api.lists import filter_offers
from redemptions.codes.api.batches import serialize_batch
from redemptions.codes.models import CodeBatch
from redemptions.codes.selectors.batches import list_batches
from redemptions.errors import CodeTaken, PatternTooWeak
from redemptions.lifecycle import Action
from redemptions.statuses import OfferDecision, OfferStatus

LIST_CACHE_MS = 5_000  # maximum age of the list of active coupons
MAX_BATCHES_SHOWN = 20
SIMPLE_FIELDS = ("title", "maximum_number_of_coupons", "maximum_number_of_coupons_per_user", "offer")


class CouponListPagination(CursorPagination):
    """Pagination of active coupons by their ``sort_key``."""

    ordering = "sort_key"


class CouponsView(APIView):
    """``/api/v1/coupons/``"""

    is_for_browsers = True

    @extend_schema(
        request=CouponInputSerializer,
        responses={
            201: CreatedCouponSerializer, 202: CreatedCouponSerializer, **problem_responses(CodeTaken, PatternTooWeak),
        },
        operation_id="coupon_create",
    )  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a coupon. Many codes are generated in the background: `202` with a `job`."""
        serializer = CouponInputSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values, caller = serializer.validated_data, get_caller(request.auth)
        brand = get_brand_for_caller(caller=caller, slug=values.get("brand"), edit=True)
        coupon, batch = services.create(
            brand=brand,
            fields=_model_fields(values, brand),
            codes=_codes_spec(values.get("codes")),
            by=caller.user_key,
            at=timezone.now(),
        )
        body = _serialize_own(request, coupon)
        if batch is None:
            return Response(body, status=201)
        body |= {"job": serialize_batch(request, batch)["job"]}
        return Response(body, status=201 if batch.is_generated else 202)

    @extend_schema(
        parameters=[CouponQuerySerializer],
        responses={200: CouponSerializer(many=True)},
        operation_id="coupon_list",
    )
    def get(self, request: Request) -> HttpResponse:
        """List active coupons by their end; coupons that have reached their limit come last.

        Staff see the coupons of their own brands only. The list is at most five seconds old.
        """
        brand_ids, query = readable_brand_ids(get_caller(request.auth)), validate_query(CouponQuerySerializer, request)
        if brand_ids != []:
            return self._page(request, selectors.list_for_brands(brand_ids=brand_ids), query, is_staff=True)
        public = _list_public(request)
        key = redis.key("coupons", f"{_brand_of_shopper(request)}{request.get_host()}{request.get_full_path()}")
        if (cached := _cache_get(key)) is not None:
            return HttpResponse(cached, content_type="application/json")
        response = self._page(request, public, query, is_staff=False)
        _cache_set(key, JSONRenderer().render(response.data))
        return response

    def _page(self, request: Request, coupons: Any, query: Mapping[str, Any], *, is_staff: bool) -> Response:
        status, at = query.get("status", OfferStatus.ACTIVE) if is_staff else OfferStatus.ACTIVE, timezone.now()
        is_default = status == OfferStatus.ACTIVE and "ordering" not in query
        paginator: CursorPagination = CouponListPagination() if is_default else paginate(query)
        wanted = {name: value for name, value in query.items() if name != "status"}
        if status == OfferStatus.ACTIVE:
            coupons = selectors.filter_active(coupons, at=at)
        elif status != ALL:
            wanted["status"] = status
        coupons = filter_offers(coupons, wanted, caller=get_caller(request.auth), at=at)
        page = paginator.paginate_queryset(coupons, request, view=self) or []
        remaining = selectors.remaining(coupons=[coupon.pk for coupon in page], at=timezone.now())
        data = [_serialize(coupon, remaining) for coupon in page]
        if is_staff:
            fields = serialize_staff_fields(page, names=PeriodLimitsSerializer)
            data = [coupon | fields[coupon["id"]] for coupon in data]
        return paginator.get_paginated_response(data)


class CouponView(APIView):
    """``/api/v1/coupons/<id>/``"""

    is_for_browsers = True

    versioned_object = VersionedObject(
        lambda request, pk: readable(request, pk),  # noqa: PLW0108  (defined below)
        lambda request, row: _serialize_own(request, row),  # noqa: PLW0108  (defined below)
        VOLATILE,
    )

    @extend_schema(responses={200: CouponSerializer}, operation_id="coupon_read")
    @versioned
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Retrieve a coupon; its brand also sees its codes."""
        brand_ids = readable_brand_ids(get_caller(request.auth))
        own_coupon = selectors.list_for_brands(brand_ids=brand_ids).filter(pk=pk).first()
        if own_coupon is not None:
            return Response(_serialize_own(request, own_coupon))
        coupon = selectors.get_coupon(pk=pk, among=_list_public(request))
        return Response(_serialize(coupon, selectors.remaining(coupons=[pk], at=timezone.now())))

    @extend_schema(
        request=CouponUpdateSerializer, responses={200: CouponSerializer}, operation_id="coupon_change"
    )  # fmt: skip
    @versioned
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change the fields of a coupon that can still change."""
        coupon = editable(request, pk)
        serializer = CouponUpdateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = _model_fields(serializer.validated_data, coupon.brand)
        return Response(_serialize_own(request, services.change(coupon=coupon, fields=fields, at=timezone.now())))

    @extend_schema(responses={204: None}, operation_id="coupon_delete")
    @versioned
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a draft, or archive a coupon, which ends it for good. Its redemptions stay valid."""
        services.delete(coupon=editable(request, pk), at=timezone.now())
        return Response(status=204)


class DuplicateView(APIView):
    """``/api/v1/coupons/<id>/duplicate/``"""

    versioned_object = CouponView.versioned_object

    @extend_schema(request=None, responses={201: CouponSerializer}, operation_id="coupon_duplicate")
    @idempotent
    @versioned
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Create a draft with the terms of a coupon, without its codes."""
        by = get_caller(request.auth).user_key
        coupon = services.duplicate(coupon=editable(request, pk), by=by, at=timezone.now())
        return Response(_serialize_own(request, coupon), status=201)


def _brand_of_shopper(request: Request) -> uuid.UUID | str:
    """Return the brand of a shopper of a brand's own login, and an empty text for others."""
    return get_caller(request.auth).issuer_brand_id or ""


def _list_public(request: Request) -> QuerySet[CouponDefinition]:
    """Return the coupons that the calling shopper can see."""
    coupons, brand_id = selectors.list_public(), get_caller(request.auth).issuer_brand_id
    return coupons if brand_id is None else coupons.filter(brand=brand_id)


def readable(request: Request, pk: uuid.UUID) -> CouponDefinition:
    """Return a coupon of the caller's brands. Raises NotFound for other brands, PermissionDenied for shoppers."""
    brand_ids = readable_brand_ids(get_caller(request.auth))
    if brand_ids == []:
        raise PermissionDenied
    return selectors.get_coupon(pk=pk, among=selectors.list_for_brands(brand_ids=brand_ids))


def editable(request: Request, pk: uuid.UUID) -> CouponDefinition:
    """Return a coupon that the caller may change. Raises what ``readable`` raises, and PermissionDenied for viewers."""
    coupon = readable(request, pk)
    get_brand_for_caller(caller=get_caller(request.auth), slug=coupon.brand.slug, edit=True)
    return coupon


def apply_action(request: Request, pk: uuid.UUID, action: Action) -> dict[str, Any]:
    """Change the status of a coupon that the caller may change, and return the coupon."""
    coupon = services.change_decision(coupon=editable(request, pk), action=action, at=timezone.now())
    return _serialize_own(request, coupon)


# --- input ------------------------------------------------------------------------------------------------------------
def _model_fields(values: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    """Return the validated values as model fields; dates are days in the brand's time zone."""
    fields = {name: values[name] for name in SIMPLE_FIELDS if name in values}
    for name in ("start_date", "end_date"):
        if name in values:
            fields[name] = localize(values[name], brand.timezone)
    if values.get("status") == OfferStatus.DRAFT:
        fields["decision"] = OfferDecision.DRAFT
    fields |= pick_metadata(values)
    return fields | to_limit_fields(values, currency=brand.currency, names=PeriodLimitsSerializer)


def _codes_spec(values: Mapping[str, Any] | None) -> services.CodesSpec | None:
    if values is None:
        return None
    if "shared" in values:
        return services.CodesSpec(shared=values["shared"])
    return services.CodesSpec(**values["generate"])


# --- output -----------------------------------------------------------------------------------------------------------
def _serialize(coupon: CouponDefinition, remaining: Mapping[uuid.UUID, int]) -> dict[str, Any]:
    return serialize_coupon(
        coupon,
        remaining=remaining.get(coupon.pk),
        at=timezone.now(),
    )


def _serialize_own(request: Request, coupon: CouponDefinition) -> dict[str, Any]:
    """Return a coupon with the fields for its brand."""
    newest: Iterable[CodeBatch] = list_batches(offer=coupon.pk)[:MAX_BATCHES_SHOWN]
    return _serialize(coupon, selectors.remaining(coupons=[coupon.pk], at=timezone.now())) | {
        "code": coupon.code,
        "codes": [serialize_batch(request, batch) for batch in newest],
        **serialize_staff_fields([coupon], names=PeriodLimitsSerializer)[coupon.pk],
    }


# --- cache ------------------------------------------------------------------------------------------------------------
def _cache_get(key: str) -> bytes | None:
    """Return the cached answer; None if there is none or Redis is unavailable."""
    try:
        return redis.client().get(key)  # type: ignore[return-value]  # bytes, as the client decodes nothing
    except redis.Error:
        return None


def _cache_set(key: str, body: bytes) -> None:
    try:
        redis.client().set(key, body, px=LIST_CACHE_MS)
    except redis.Error:
        return

"""API views of promotions."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import get_caller
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core.errors import PermissionDenied
from core.etags import VersionedObject, versioned
from core.idempotency import idempotent
from core.list_queries import paginate, validate_query
from core.views import APIView
from promotions import services
from promotions.api.parsers import to_model_fields
from promotions.api.serializers import (
    PromotionInputSerializer,
    PromotionQuerySerializer,
    PromotionSerializer,
    PromotionUpdateSerializer,
    to_promotion_data,
)
from promotions.models import Promotion
from promotions.selectors.promotions import get_promotion, list_for_brands
from redemptions.api.lifecycle import VOLATILE
from redemptions.api.limits import LimitsSerializer, serialize_staff_fields
from redemptions.api.lists import filter_offers
from redemptions.codes.selectors.codes import get_generic_codes
from redemptions.lifecycle import Action
from segments.selectors import segment_summaries_by_promotion


class PromotionsView(APIView):
    """``/api/v1/promotions/``"""

    @extend_schema(
        request=PromotionInputSerializer, responses={201: PromotionSerializer}, operation_id="promotion_create"
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a promotion of the caller's brand."""
        body = PromotionInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=data.get("brand"), edit=True)
        promotion = services.create_promotion(
            brand=brand, fields=to_model_fields(data, brand), code=data.get("code"), at=timezone.now()
        )
        return Response(_serialize(promotion), status=201)

    @extend_schema(
        parameters=[PromotionQuerySerializer],
        responses={200: PromotionSerializer(many=True)},
        operation_id="promotion_list",
    )
    def get(self, request: Request) -> Response:
        """List the promotions of the caller's brands, newest first."""
        query = validate_query(PromotionQuerySerializer, request)
        caller, at = get_caller(request.auth), timezone.now()
        promotions = list_for_brands(brand_ids=_readable_brand_ids(request))
        if "trigger" in query:
            promotions = promotions.filter(trigger=query["trigger"])
        promotions = filter_offers(promotions, query, caller=caller, at=at)
        page = paginate(query)
        rows = page.paginate_queryset(promotions, request, view=self) or []
        return page.get_paginated_response(_serialize_all(rows))


class PromotionView(APIView):
    """``/api/v1/promotions/<id>/``"""

    versioned_object = VersionedObject(
        lambda request, pk: get_readable_promotion(request, pk),  # noqa: PLW0108  (defined below)
        lambda _, row: _serialize(row),
        VOLATILE,
    )

    @extend_schema(responses={200: PromotionSerializer}, operation_id="promotion_read")
    @versioned
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return a promotion with the current size of its audience."""
        return Response(_serialize(get_promotion(pk=pk, brand_ids=_readable_brand_ids(request))))

    @extend_schema(
        request=PromotionUpdateSerializer, responses={200: PromotionSerializer}, operation_id="promotion_change"
    )
    @versioned
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Update a promotion. After its start only some fields can change."""
        promotion = get_editable_promotion(request, pk)
        body = PromotionUpdateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = to_model_fields(body.validated_data, promotion.brand)
        return Response(_serialize(services.update_promotion(promotion=promotion, fields=fields, at=timezone.now())))

    @extend_schema(responses={204: None}, operation_id="promotion_delete")
    @versioned
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Delete a draft, or archive a promotion, which ends it for good. Its redemptions stay valid."""
        services.delete_promotion(promotion=get_editable_promotion(request, pk), at=timezone.now())
        return Response(status=204)


class DuplicateView(APIView):
    """``…/duplicate/``"""

    versioned_object = PromotionView.versioned_object

    @extend_schema(request=None, responses={201: PromotionSerializer}, operation_id="promotion_duplicate")
    @idempotent
    @versioned
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Create a draft with the terms of a promotion, without its code."""
        promotion = get_editable_promotion(request, pk)
        return Response(_serialize(services.duplicate_promotion(promotion=promotion, at=timezone.now())), status=201)


def apply_action(request: Request, pk: uuid.UUID, action: Action) -> dict[str, Any]:
    """Change the status of a promotion that the caller may edit, and return the promotion."""
    promotion = get_editable_promotion(request, pk)
    return _serialize(services.change_decision(promotion=promotion, action=action, at=timezone.now()))


def get_readable_promotion(request: Request, pk: uuid.UUID) -> Promotion:
    """Return a promotion of the caller's brands. Raises NotFound for other brands, PermissionDenied for shoppers."""
    return get_promotion(pk=pk, brand_ids=_readable_brand_ids(request))


def get_editable_promotion(request: Request, pk: uuid.UUID) -> Promotion:
    """Return a promotion that the caller may edit. Raises NotFound for other brands, PermissionDenied for viewers."""
    promotion = get_readable_promotion(request, pk)
    get_brand_for_caller(caller=get_caller(request.auth), slug=promotion.brand.slug, edit=True)
    return promotion


def _readable_brand_ids(request: Request) -> list[uuid.UUID] | None:
    brand_ids = readable_brand_ids(get_caller(request.auth))
    if brand_ids == []:
        raise PermissionDenied
    return brand_ids


def _serialize(promotion: Promotion) -> dict[str, Any]:
    return _serialize_all([promotion])[0]


def _serialize_all(promotions: Sequence[Promotion]) -> list[dict[str, Any]]:
    ids = [promotion.pk for promotion in promotions]
    codes, segments = get_generic_codes(offers=ids), segment_summaries_by_promotion(promotion_ids=ids)
    at, fields = timezone.now(), serialize_staff_fields(promotions, names=LimitsSerializer)
    audiences = services.audience_counts(promotions=promotions, at=at)
    return [
        to_promotion_data(
            promotion,
            code=codes.get(promotion.pk),
            audience=audiences.get(promotion.pk),
            segment=segments.get(promotion.pk),
            staff_fields=fields[promotion.pk],
            at=at,
        )
        for promotion in promotions
    ]

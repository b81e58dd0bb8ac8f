"""Promotions over HTTP: parse, call one service, answer."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import get_caller
from accounts.selectors import get_brand_for_caller, readable_brand_ids
from core.api import CursorPagination
from core.errors import PermissionDenied
from core.idempotency import idempotent
from promotions import services
from promotions.api.parsers import to_model_fields
from promotions.api.serializers import (
    PromotionInputSerializer,
    PromotionSerializer,
    PromotionUpdateSerializer,
    to_promotion_data,
)
from promotions.models import Promotion
from promotions.selectors.codes import get_generic_codes
from promotions.selectors.promotions import get_promotion, list_for_brands
from segments.selectors import segment_summaries_by_promotion


class PromotionsView(APIView):
    """``/api/v1/promotions/``"""

    @extend_schema(request=PromotionInputSerializer, responses={201: PromotionSerializer}, operation_id="promotion_create")
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a promotion of the caller's brand."""
        body = PromotionInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=asked.get("brand"), edit=True)
        promotion = services.create_promotion(
            brand=brand, fields=to_model_fields(asked, brand), code=asked.get("code"), at=timezone.now()
        )
        return Response(_answer(promotion), status=201)

    @extend_schema(responses={200: PromotionSerializer(many=True)}, operation_id="promotion_list")
    def get(self, request: Request) -> Response:
        """The brand's promotions, newest first."""
        found = list_for_brands(brand_ids=_readable(request))
        page = CursorPagination()
        rows = page.paginate_queryset(found, request, view=self) or []
        return page.get_paginated_response(_answers(rows))


class PromotionView(APIView):
    """``/api/v1/promotions/<id>/``"""

    @extend_schema(responses={200: PromotionSerializer}, operation_id="promotion_read")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """One promotion, with the live count of its audience."""
        return Response(_answer(get_promotion(pk=pk, brand_ids=_readable(request))))

    @extend_schema(request=PromotionUpdateSerializer, responses={200: PromotionSerializer}, operation_id="promotion_change")
    def patch(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what may be changed now."""
        promotion = get_editable_promotion(request, pk)
        body = PromotionUpdateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = to_model_fields(body.validated_data, promotion.brand)
        return Response(_answer(services.update_promotion(promotion=promotion, fields=fields, at=timezone.now())))

    @extend_schema(responses={204: None}, operation_id="promotion_delete")
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Stop the promotion for good; what it gave stays given."""
        services.end_promotion(promotion=get_editable_promotion(request, pk), at=timezone.now())
        return Response(status=204)


class ActivateView(APIView):
    """``…/activate/``"""

    @extend_schema(request=None, responses={200: PromotionSerializer}, operation_id="promotion_activate")
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Let a draft run between its dates."""
        return Response(_answer(services.activate_promotion(promotion=get_editable_promotion(request, pk), at=timezone.now())))


class EndView(APIView):
    """``…/deactivate/``"""

    @extend_schema(request=None, responses={200: PromotionSerializer}, operation_id="promotion_deactivate")
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Stop the promotion for good, at once."""
        return Response(_answer(services.end_promotion(promotion=get_editable_promotion(request, pk), at=timezone.now())))


def get_editable_promotion(request: Request, pk: uuid.UUID) -> Promotion:
    """A promotion that the caller may change. Raises NotFound for another brand's, PermissionDenied for viewers."""
    promotion = get_promotion(pk=pk, brand_ids=_readable(request))
    get_brand_for_caller(caller=get_caller(request.auth), slug=promotion.brand.slug, edit=True)
    return promotion


def _readable(request: Request) -> list[uuid.UUID] | None:
    brand_ids = readable_brand_ids(get_caller(request.auth))
    if brand_ids == []:
        raise PermissionDenied
    return brand_ids


def _answer(promotion: Promotion) -> dict[str, Any]:
    return _answers([promotion])[0]


def _answers(rows: Sequence[Promotion]) -> list[dict[str, Any]]:
    keys = [row.pk for row in rows]
    codes, segments = get_generic_codes(promotion_ids=keys), segment_summaries_by_promotion(promotion_ids=keys)
    audiences = services.audience_counts(promotions=rows, at=timezone.now())
    return [
        to_promotion_data(row, code=codes.get(row.pk), audience=audiences.get(row.pk), segment=segments.get(row.pk))
        for row in rows
    ]

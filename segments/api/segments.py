"""Segments, asked for and taken back by services of the platform: parse, call one service, answer."""

import uuid
from typing import Any

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import get_caller
from accounts.selectors import check_internal, get_merchant_brand
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.serializer_fields import DateOrDateTimeField, StrictCharField, UuidField, localize_date
from segments import errors, selectors, services

STATUSES = "scheduled, active, empty, expired or deleted"


class SyncRequest(serializers.Serializer[Any]):
    """Whom to have in a segment, from when to when. Dates without a time mean the brand's own midnight."""

    merchant_id = StrictCharField(max_length=100, help_text="The brand's id or slug")
    segment_type = StrictCharField(max_length=100)
    start_date = DateOrDateTimeField()
    end_date = DateOrDateTimeField()
    promotion = UuidField(required=False, help_text="The promotion that it is for; a promotion has one segment")


class SyncAnswer(serializers.Serializer[Any]):
    """The segment, and how many customers were in the audience when it was asked for."""

    segment_id = serializers.UUIDField()
    status = serializers.CharField(help_text=STATUSES)
    audience_count = serializers.IntegerField()


class SegmentAnswer(serializers.Serializer[Any]):
    """A segment; counts as of its filling, or of its making until then."""

    segment_id = serializers.UUIDField()
    merchant_id = serializers.CharField()
    segment_type = serializers.CharField()
    promotion = serializers.UUIDField(allow_null=True)
    status = serializers.CharField(help_text=STATUSES)
    start_date = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    audience_count = serializers.IntegerField()
    members = serializers.IntegerField()
    skipped_no_slot = serializers.IntegerField()
    filled_at = serializers.DateTimeField(allow_null=True)
    synced_at = serializers.DateTimeField(allow_null=True)
    waiting_for = serializers.CharField(allow_null=True, help_text="Why it is not active yet")


class SyncSegmentView(APIView):
    """``/api/internal/v1/sync-segment/``"""

    @extend_schema(
        request=SyncRequest,
        responses={202: SyncAnswer, **problem_responses(errors.AudienceEmpty, errors.SegmentAlreadyExists)},
        operation_id="segment_sync",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Have a segment of a brand's audience between two dates; the same request again answers the same segment."""
        check_internal(get_caller(request.auth))
        body = SyncRequest(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        brand = get_merchant_brand(caller=get_caller(request.auth), merchant_id=asked["merchant_id"])
        segment = services.schedule(
            brand=brand, segment_type=asked["segment_type"], start_date=localize_date(asked["start_date"], brand.timezone),
            end_date=localize_date(asked["end_date"], brand.timezone), promotion_id=asked.get("promotion"), at=timezone.now(),
        )  # fmt: skip
        answer = {"segment_id": segment.pk, "status": segment.status, "audience_count": segment.audience_count}
        return Response(answer, status=202)


class SegmentView(APIView):
    """``/api/internal/v1/segments/<id>/``"""

    @extend_schema(responses={200: SegmentAnswer}, operation_id="segment_read")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """How a segment is: whether it is active yet, how many are in it, how many had no free slot."""
        check_internal(get_caller(request.auth))
        segment = selectors.segment(pk=pk)
        told = selectors.segment_summaries([segment])[pk]
        told |= {
            "segment_id": told.pop("id"), "merchant_id": segment.brand.slug, "promotion": segment.promotion_id,
        }  # fmt: skip
        return Response(told)

    @extend_schema(responses={204: None}, operation_id="segment_delete")
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """End a segment before its time: nobody is in it from now on, and its slots are free."""
        check_internal(get_caller(request.auth))
        services.delete(which=Q(pk=selectors.segment(pk=pk).pk), at=timezone.now())
        return Response(status=204)

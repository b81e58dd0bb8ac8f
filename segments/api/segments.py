"""Segments that services of the platform request, read and delete."""

import uuid
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import INTERNAL, get_caller
from accounts.selectors import check_internal, get_merchant_brand
from core.etags import VersionedObject, versioned
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.serializer_fields import EndField, StartField, StrictCharField, UuidField, localize
from core.serializers import InputSerializer
from core.views import APIView, KeyScopes
from segments import errors, selectors, services
from segments.models import Segment

STATUSES = _("scheduled, active, empty, expired or deleted.")


class SyncSegmentInputSerializer(InputSerializer):
    """The audience and the dates of a segment. Dates without a time are days in the brand's time zone."""

    merchant_id = StrictCharField(max_length=100, help_text=_("ID or slug of the brand."))
    segment_type = StrictCharField(max_length=100, help_text=_("Audience, for example vip_customers."))
    start_date = StartField(help_text=_("When the segment starts, and is populated."))
    end_date = EndField(help_text=_("When the segment expires, after the start and in the future. A date is included."))
    promotion = UuidField(required=False, help_text=_("Promotion that uses the segment. A promotion has one segment."))


class SyncSegmentSerializer(serializers.Serializer[Any]):
    """A segment as of the request."""

    segment_id = serializers.UUIDField(help_text=_("ID of the segment."))
    status = serializers.CharField(help_text=STATUSES)
    audience_count = serializers.IntegerField(help_text=_("Customers in the audience."))


class SegmentSerializer(serializers.Serializer[Any]):
    """A segment. The counts are those of its start; before, those of its creation."""

    segment_id = serializers.UUIDField(help_text=_("ID of the segment."))
    merchant_id = serializers.CharField(help_text=_("Slug of the brand."))
    segment_type = serializers.CharField(help_text=_("Audience, for example vip_customers."))
    promotion = serializers.UUIDField(allow_null=True, help_text=_("Promotion that uses the segment."))
    status = serializers.CharField(help_text=STATUSES)
    start_date = serializers.DateTimeField(help_text=_("When the segment starts, and is populated."))
    expires_at = serializers.DateTimeField(help_text=_("When the segment expires."))
    audience_count = serializers.IntegerField(help_text=_("Customers in the audience."))
    member_count = serializers.IntegerField(help_text=_("Customers in the segment."))
    skipped_no_slot = serializers.IntegerField(help_text=_("Customers of the audience without a free slot."))
    filled_at = serializers.DateTimeField(allow_null=True, help_text=_("When the segment was populated."))
    synced_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the segmentation service acknowledged the segment.")
    )
    status_reason = serializers.CharField(allow_null=True, help_text=_("Why the segment isn't active yet."))


class SyncSegmentView(APIView):
    """``/api/internal/v1/sync-segment/``"""

    key_scopes: ClassVar[KeyScopes] = {"post": INTERNAL}

    @extend_schema(
        request=SyncSegmentInputSerializer,
        responses={
            202: SyncSegmentSerializer,
            **problem_responses(errors.AudienceEmpty, errors.SegmentAlreadyExists),
        },
        operation_id="segment_sync",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Create a segment of a brand's audience between two dates. The same request returns the same segment."""
        check_internal(get_caller(request.auth))
        body = SyncSegmentInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        brand = get_merchant_brand(caller=get_caller(request.auth), merchant_id=data["merchant_id"])
        segment = services.schedule(
            brand=brand, segment_type=data["segment_type"], promotion_id=data.get("promotion"), at=timezone.now(),
            start_date=localize(data["start_date"], brand.timezone),
            end_date=localize(data["end_date"], brand.timezone),
        )  # fmt: skip
        answer = {"segment_id": segment.pk, "status": segment.status, "audience_count": segment.audience_count}
        return Response(answer, status=202)


class SegmentView(APIView):
    """``/api/internal/v1/segments/<id>/``"""

    key_scopes: ClassVar[KeyScopes] = {"get": INTERNAL, "delete": INTERNAL}
    versioned_object = VersionedObject(
        lambda request, pk: _get_segment(request, pk),  # noqa: PLW0108  (defined below)
        lambda _, segment: _serialize(segment),
    )

    @extend_schema(responses={200: SegmentSerializer}, operation_id="segment_read")
    @versioned
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return a segment with its status and counts."""
        return Response(_serialize(_get_segment(request, pk)))

    @extend_schema(responses={204: None}, operation_id="segment_delete")
    @versioned
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """End a segment early. It has no members from now on, and its slots are released."""
        services.delete_segment(segment=_get_segment(request, pk), at=timezone.now())
        return Response(status=204)


def _get_segment(request: Request, pk: uuid.UUID) -> Segment:
    """Return a segment of a brand that the platform service may name. Raises PermissionDenied and NotFound."""
    caller = get_caller(request.auth)
    check_internal(caller)
    segment = selectors.get_segment(pk=pk)
    check_internal(caller, brand_id=segment.brand_id)
    return segment


def _serialize(segment: Segment) -> dict[str, Any]:
    """Return a segment in the form of ``SegmentSerializer``."""
    summary: dict[str, Any] = selectors.segment_summaries([segment])[segment.pk]
    return summary | {
        "segment_id": summary.pop("id"), "merchant_id": segment.brand.slug, "promotion": segment.promotion_id,
    }  # fmt: skip

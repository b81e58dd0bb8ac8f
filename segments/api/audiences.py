"""Audiences as the data platform sends them: parse, call one service, answer."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import get_caller
from accounts.models import Brand
from accounts.selectors import get_merchant_brand
from core import streams
from core.errors import PayloadTooLarge, UnsupportedMediaType
from core.openapi import problem_responses
from core.serializer_fields import StrictIntegerField
from segments import customer_id_files, errors, selectors, services
from segments.contracts import AudienceUpdateResult, Operation

MAX_IDS = 100_000  # of one JSON body; streams may be of any length


@extend_schema_field({"type": "array", "items": {"type": "string", "maxLength": 100}, "maxItems": MAX_IDS})
class CustomerIds(serializers.Field[Any, Any, Any, Any]):
    """A list of customer ids; whether each is one is judged at once for all."""

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list):
            raise serializers.ValidationError("Send a list of customer ids.")
        if len(data) > MAX_IDS:
            raise serializers.ValidationError(f"Send up to {MAX_IDS:,} ids at once, or stream them.", "max_length")
        return data


class AudienceQuery(serializers.Serializer[Any]):
    """What stands beside the ids."""

    operation = serializers.ChoiceField([one.value for one in Operation])
    version = serializers.IntegerField(min_value=0, max_value=services.MAX_VERSION, required=False)


class AudienceRequest(serializers.Serializer[Any]):
    """Customer ids and what to do with them; an update older than the stored ``version`` is ignored."""

    operation = serializers.ChoiceField([one.value for one in Operation])
    customer_ids = CustomerIds()
    version = StrictIntegerField(min_value=0, max_value=services.MAX_VERSION, required=False)


class AudienceChange(serializers.Serializer[Any]):
    """How many ids were received, how many customers came and went, and how many there are now."""

    received = serializers.IntegerField()
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    size = serializers.IntegerField()
    stale = serializers.BooleanField(required=False, help_text="A newer version was there already")


class AudienceAnswer(serializers.Serializer[Any]):
    """How many customers are in the audience, and how many of them could be put into a segment, as of an instant."""

    size = serializers.IntegerField()
    with_free_slot = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    version = serializers.IntegerField(allow_null=True)


class AudienceView(APIView):
    """``/api/internal/v1/audiences/<merchant_id>/<segment_type>/``"""

    @extend_schema(responses={200: AudienceAnswer}, operation_id="audience_read")
    def get(self, request: Request, merchant_id: str, segment_type: str) -> Response:
        """The audience as it is now; for a large one, who has a free slot was counted up to a minute ago."""
        brand = get_merchant_brand(caller=get_caller(request.auth), merchant_id=merchant_id)
        audience = selectors.audience(brand_id=brand.pk, segment_type=segment_type)
        reach = services.reach(brand_id=brand.pk, segment_types=[segment_type], at=timezone.now())[segment_type]
        return Response(
            {
                "size": audience.size, "with_free_slot": reach.with_free_slot, "as_of": reach.as_of,
                "updated_at": audience.updated_at, "version": audience.version,
            }
        )  # fmt: skip

    @extend_schema(
        request={
            "application/json": AudienceRequest,
            customer_id_files.CSV: OpenApiTypes.STR,
            customer_id_files.NDJSON: OpenApiTypes.STR,
        },
        parameters=[AudienceQuery],
        responses={200: AudienceChange, **problem_responses(errors.AudienceReadOnly)},
        operation_id="audience_update",
    )
    def post(self, request: Request, merchant_id: str, segment_type: str) -> Response:
        """Replace, extend or reduce an audience; all of it takes effect at one moment, or nothing does.

        As JSON with up to 100,000 ids, or as a stream of any length, plain or gzip: CSV (the first cell of each line)
        or one JSON a line (an id, or an object with `customer_id`), with `operation` and `version` as parameters.
        """
        brand = get_merchant_brand(caller=get_caller(request.auth), merchant_id=merchant_id)
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        if media_type in (customer_id_files.CSV, customer_id_files.NDJSON):
            applied = _stream(request, brand, segment_type, media_type)
        else:
            applied = _document(request, brand, segment_type)
        counts = {name: getattr(applied, name) for name in ("received", "added", "removed", "size")}
        return Response(counts | ({"stale": True} if applied.stale else {}))


def _document(request: Request, brand: Brand, segment_type: str) -> AudienceUpdateResult:
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.AUDIENCE_BODY_LIMIT:
        raise PayloadTooLarge
    if request.headers.get("Content-Encoding"):
        raise UnsupportedMediaType
    body = AudienceRequest(data=request.data)
    body.is_valid(raise_exception=True)
    return services.apply_audience(brand=brand, segment_type=segment_type, **body.validated_data)


def _stream(request: Request, brand: Brand, segment_type: str, media_type: str) -> AudienceUpdateResult:
    query = AudienceQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    parts = _parts(request._request)  # noqa: SLF001  (the body as it arrives, which the framework would read whole)
    return services.apply_file(
        brand=brand, segment_type=segment_type, parts=parts, media_type=media_type, **query.validated_data
    )


def _parts(request: HttpRequest) -> Iterator[bytes]:
    match request.headers.get("Content-Encoding", "identity").strip().lower():
        case "identity":
            return streams.iter_body(request)
        case "gzip":
            return customer_id_files.gunzip_stream(streams.iter_body(request), limit=streams.CHUNK_SIZE)
        case _:
            raise UnsupportedMediaType

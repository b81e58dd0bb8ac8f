"""Audiences that the data platform updates and reads."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import INTERNAL, get_caller
from accounts.models import Brand
from accounts.selectors import get_merchant_brand
from core import streams
from core.costly_views import CostlyMethods
from core.errors import PayloadTooLarge, UnsupportedMediaType
from core.openapi import problem_responses
from core.serializer_fields import StrictIntegerField
from core.serializers import InputSerializer
from core.views import APIView, KeyScopes, check_query
from segments import customer_id_files, errors, selectors, services
from segments.contracts import AudienceUpdateResult, Operation

MAX_IDS = 100_000  # of a JSON body; streams can have any length
OPERATIONS = [operation.value for operation in Operation]
OPERATION_HELP = gettext_lazy("Replace the audience, or add or remove customers.")
VERSION_HELP = gettext_lazy("Version of the audience. An update older than the stored version is ignored.")


@extend_schema_field({"type": "array", "items": {"type": "string", "maxLength": 100}, "maxItems": MAX_IDS})
class CustomerIdListField(serializers.Field[Any, Any, Any, Any]):
    """A list of customer IDs. The service validates the IDs all at once."""

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list):
            raise serializers.ValidationError(_("Enter a list of customer IDs."))
        if len(data) > MAX_IDS:
            text = _("Send up to %(max)s customer IDs, or stream them as CSV or NDJSON.") % {"max": f"{MAX_IDS:,}"}
            raise serializers.ValidationError(text, "max_length")
        return data


class AudienceQuerySerializer(serializers.Serializer[Any]):
    """Query parameters of a streamed update."""

    operation = serializers.ChoiceField(OPERATIONS, help_text=OPERATION_HELP)
    version = serializers.IntegerField(
        min_value=0, max_value=services.MAX_VERSION, required=False, help_text=VERSION_HELP
    )


class AudienceInputSerializer(InputSerializer):
    """An update of an audience."""

    operation = serializers.ChoiceField(OPERATIONS, help_text=OPERATION_HELP)
    customer_ids = CustomerIdListField(help_text=gettext_lazy("IDs of the customers."))
    version = StrictIntegerField(min_value=0, max_value=services.MAX_VERSION, required=False, help_text=VERSION_HELP)


class AudienceUpdateResultSerializer(serializers.Serializer[Any]):
    """The result of an update."""

    received = serializers.IntegerField(help_text=gettext_lazy("Customer IDs received, duplicates included."))
    added = serializers.IntegerField(help_text=gettext_lazy("Customers added."))
    removed = serializers.IntegerField(help_text=gettext_lazy("Customers removed."))
    size = serializers.IntegerField(help_text=gettext_lazy("Customers in the audience afterwards."))
    stale = serializers.BooleanField(
        required=False, help_text=gettext_lazy("True if the stored version is newer and nothing was changed.")
    )


class AudienceSerializer(serializers.Serializer[Any]):
    """An audience with its size and reach."""

    size = serializers.IntegerField(help_text=gettext_lazy("Customers in the audience."))
    with_free_slot = serializers.IntegerField(help_text=gettext_lazy("Customers that can join a segment."))
    as_of = serializers.DateTimeField(help_text=gettext_lazy("When the free slots were counted."))
    updated_at = serializers.DateTimeField(help_text=gettext_lazy("When the audience was last updated."))
    version = serializers.IntegerField(allow_null=True, help_text=VERSION_HELP)


class AudienceView(APIView):
    """``/api/internal/v1/audiences/<merchant_id>/<segment_type>/``"""

    costly: ClassVar[CostlyMethods] = {"post": "import"}
    key_scopes: ClassVar[KeyScopes] = {"get": INTERNAL, "post": INTERNAL}

    def get_lease_owner(self, request: Request) -> str:
        """Return the brand of the path: the keys are the platform's."""
        return f"merchant:{self.kwargs['merchant_id']}"

    @extend_schema(responses={200: AudienceSerializer}, operation_id="audience_read")
    def get(self, request: Request, merchant_id: str, segment_type: str) -> Response:
        """Return an audience with its size and reach. Free slots of a large audience are counted in the background."""
        brand = get_merchant_brand(caller=get_caller(request.auth), merchant_id=merchant_id)
        audience = selectors.get_audience(brand_id=brand.pk, segment_type=segment_type)
        reach = services.get_reach(brand_id=brand.pk, segment_types=[segment_type], at=timezone.now())[segment_type]
        return Response(
            {
                "size": audience.size, "with_free_slot": reach.with_free_slot, "as_of": reach.as_of,
                "updated_at": audience.updated_at, "version": audience.version,
            }
        )  # fmt: skip

    @extend_schema(
        request={
            "application/json": AudienceInputSerializer,
            customer_id_files.CSV: OpenApiTypes.STR,
            customer_id_files.NDJSON: OpenApiTypes.STR,
        },
        parameters=[AudienceQuerySerializer],
        responses={200: AudienceUpdateResultSerializer, **problem_responses(errors.AudienceReadOnly)},
        operation_id="audience_update",
    )
    def post(self, request: Request, merchant_id: str, segment_type: str) -> Response:
        """Replace, extend or reduce an audience in one step.

        Send JSON with up to 100,000 IDs, or stream a body of any length, plain or gzipped: CSV (the first cell of each
        line) or NDJSON (each line an ID, or an object with `customer_id`), with `operation` and `version` as query
        parameters.
        """
        brand = get_merchant_brand(caller=get_caller(request.auth), merchant_id=merchant_id)
        media_type = (request.content_type or "").partition(";")[0].strip().lower()
        if media_type in (customer_id_files.CSV, customer_id_files.NDJSON):
            result = _apply_stream(request, brand, segment_type, media_type)
        else:
            result = _apply_document(request, brand, segment_type)
        counts = {name: getattr(result, name) for name in ("received", "added", "removed", "size")}
        return Response(counts | ({"stale": True} if result.stale else {}))


def _apply_document(request: Request, brand: Brand, segment_type: str) -> AudienceUpdateResult:
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.AUDIENCE_BODY_LIMIT:
        raise PayloadTooLarge
    if request.headers.get("Content-Encoding"):
        raise UnsupportedMediaType
    body = AudienceInputSerializer(data=request.data)
    check_query(request.query_params, known={})  # the options of a document are in it
    body.is_valid(raise_exception=True)
    return services.apply_audience(brand=brand, segment_type=segment_type, **body.validated_data)


def _apply_stream(request: Request, brand: Brand, segment_type: str, media_type: str) -> AudienceUpdateResult:
    query = AudienceQuerySerializer(data=request.query_params)
    query.is_valid(raise_exception=True)
    parts = _iter_parts(request._request)  # noqa: SLF001  (the body as it arrives; the framework would read all of it)
    return services.apply_file(
        brand=brand, segment_type=segment_type, parts=parts, media_type=media_type, **query.validated_data
    )


def _iter_parts(request: HttpRequest) -> Iterator[bytes]:
    match request.headers.get("Content-Encoding", "identity").strip().lower():
        case "identity":
            return streams.iter_body(request)
        case "gzip":
            return customer_id_files.gunzip_stream(streams.iter_body(request), limit=streams.CHUNK_SIZE)
        case _:
            raise UnsupportedMediaType

"""API views of code batches, imports and assignments."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import get_caller
from accounts.selectors import readable_brand_ids
from backoffice.base.csv_export import csv_response
from core.api import CsvRenderer, CursorPagination
from core.errors import PayloadTooLarge, PermissionDenied
from core.idempotency import idempotent
from core.openapi import problem_responses
from promotions.api.batch_serializers import (
    AssignInputSerializer,
    AssignmentSerializer,
    AssignResultSerializer,
    BatchInputSerializer,
    BatchSerializer,
    ImportQuerySerializer,
    ImportResultSerializer,
    to_assignment_data,
    to_batch_data,
)
from promotions.api.views import get_editable_promotion
from promotions.models import Promotion
from promotions.selectors.promotions import get_promotion
from redemptions import errors
from redemptions.codes import files as code_files
from redemptions.codes import rules as code_rules
from redemptions.codes import services
from redemptions.codes.models import CodeBatch
from redemptions.codes.selectors.assignments import get_assignment
from redemptions.codes.selectors.batches import get_batch, iter_batch_codes, list_batches

KIND = "promotion"


class CsvParser(BaseParser):
    """Parser that passes a CSV body on as a stream."""

    media_type = "text/csv"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class BatchesView(APIView):
    """``/api/v1/promotions/<id>/batches/``"""

    @extend_schema(
        request=BatchInputSerializer,
        responses={202: BatchSerializer, **problem_responses(errors.PatternTooWeak, errors.InvalidStatus)},
        operation_id="batch_create",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Create a batch of single-use codes, which are generated in the background."""
        promotion = get_editable_promotion(request, pk)
        body = BatchInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        batch = services.create_batch(
            kind=KIND, brand=promotion.brand, offer=promotion.pk, **body.validated_data, at=timezone.now()
        )
        return Response(_serialize(request, batch), status=202)

    @extend_schema(responses={200: BatchSerializer(many=True)}, operation_id="batch_list")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """List the batches of a promotion, newest first."""
        page = CursorPagination()
        rows = page.paginate_queryset(list_batches(offer=_readable(request, pk).pk), request, view=self) or []
        return page.get_paginated_response([_serialize(request, row) for row in rows])


class BatchView(APIView):
    """``/api/v1/promotions/<id>/batches/<batch>/``"""

    @extend_schema(responses={200: BatchSerializer}, operation_id="batch_read")
    def get(self, request: Request, pk: uuid.UUID, batch: uuid.UUID) -> Response:
        """Return a batch and the progress of its generation."""
        return Response(_serialize(request, get_batch(pk=batch, offer=_readable(request, pk).pk)))


class BatchCodesView(APIView):
    """``…/codes.csv``"""

    renderer_classes = (CsvRenderer, JSONRenderer)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR}, operation_id="batch_export")
    def get(self, request: Request, pk: uuid.UUID, batch: uuid.UUID) -> StreamingHttpResponse:
        """Export the codes of a batch: `code`, `customer_id` and `status`.

        The status is `available`, `reserved`, `used` or `revoked`.
        """
        code_batch = get_batch(pk=batch, offer=_readable(request, pk).pk)
        rows = iter_batch_codes(batch=code_batch, at=timezone.now())
        return csv_response(f"codes-{code_batch.pk}.csv", ("code", "customer_id", "status"), rows, marked=False)


class ImportView(APIView):
    """``/api/v1/promotions/<id>/batches/import/``"""

    parser_classes = (CsvParser,)

    @extend_schema(
        request={"text/csv": OpenApiTypes.STR},
        parameters=[ImportQuerySerializer],
        responses={201: ImportResultSerializer, **problem_responses(errors.InvalidStatus)},
        operation_id="batch_import",
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Import codes from another system.

        The first line of the CSV file names the columns: `code`, and optionally `customer_id`, the customer who gets
        the code. Rejected lines are reported, the others are imported. To resume an interrupted import, send the file
        again with the ID of its batch.
        """
        promotion = get_editable_promotion(request, pk)
        query = ImportQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.IMPORT_LIMIT:
            raise PayloadTooLarge
        batch_id = query.validated_data.get("batch")
        result = services.import_codes(
            kind=KIND,
            brand=promotion.brand,
            offer=promotion.pk,
            lines=_lines(request.data),
            batch=get_batch(pk=batch_id, offer=promotion.pk) if batch_id else None,
            allow_weak=query.validated_data["allow_weak"],
            at=timezone.now(),
        )
        counts = {name: getattr(result, name) for name in ("received", "imported", "existing", "rejected")}
        return Response(_serialize(request, result.batch) | counts | {"errors": result.errors}, status=201)


class AssignView(APIView):
    """``…/assign/``"""

    @extend_schema(
        request=AssignInputSerializer,
        responses={
            200: AssignResultSerializer,
            202: AssignmentSerializer,
            **problem_responses(errors.BatchNotReady, errors.CodesExhausted, errors.InvalidStatus),
        },
        operation_id="batch_assign",
    )
    @idempotent
    def post(self, request: Request, pk: uuid.UUID, batch: uuid.UUID) -> Response:
        """Assign a code to each of the customers, or in the background to each customer of an audience."""
        code_batch = get_batch(pk=batch, offer=get_editable_promotion(request, pk).pk)
        body = AssignInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        if "audience" in data:
            assignment = services.assign_to_audience(
                batch=code_batch, segment_type=data["audience"], notify=data["notify"], at=timezone.now()
            )
            url = _status_url(request, code_batch, assignment.pk)
            return Response(to_assignment_data(assignment, job=url), status=202)
        result = services.assign_to_customers(
            batch=code_batch, customer_ids=data["customer_ids"], notify=data["notify"], at=timezone.now()
        )
        return Response(asdict(result))


class AssignmentView(APIView):
    """``…/assignments/<assignment>/``"""

    @extend_schema(responses={200: AssignmentSerializer}, operation_id="batch_assignment_read")
    def get(self, request: Request, pk: uuid.UUID, batch: uuid.UUID, assignment: uuid.UUID) -> Response:
        """Return an assignment to an audience and its progress."""
        code_batch = get_batch(pk=batch, offer=_readable(request, pk).pk)
        row = get_assignment(pk=assignment, batch=code_batch)
        return Response(to_assignment_data(row, job=_status_url(request, code_batch, row.pk)))


def _readable(request: Request, pk: uuid.UUID) -> Promotion:
    brand_ids = readable_brand_ids(get_caller(request.auth))
    if brand_ids == []:
        raise PermissionDenied
    return get_promotion(pk=pk, brand_ids=brand_ids)


def _serialize(request: Request, batch: CodeBatch) -> dict[str, Any]:
    path = reverse("promotion-batch", args=[batch.offer, batch.pk])
    bits = code_rules.entropy_bits(batch.pattern, batch.charset) if batch.pattern else None
    return to_batch_data(batch, job=request.build_absolute_uri(path), entropy_bits=bits)


def _status_url(request: Request, batch: CodeBatch, assignment: uuid.UUID) -> str:
    path = reverse("promotion-batch-assignment", args=[batch.offer, batch.pk, assignment])
    return request.build_absolute_uri(path)


def _lines(stream: Any) -> Iterator[str]:
    """Return the lines of the body. An empty body is parsed to a mapping and has none."""
    return iter(()) if isinstance(stream, Mapping) else code_files.iter_lines(stream.read)

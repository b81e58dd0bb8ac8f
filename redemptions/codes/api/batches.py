"""Endpoints of an offer's code batches, imports and assignments, the same for every kind of offer with codes."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import EXPORT
from backoffice.base.csv_export import csv_response
from core.api import CsvRenderer, CursorPagination
from core.costly_views import CostlyMethods
from core.errors import PayloadTooLarge
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.views import APIView, KeyScopes
from redemptions import errors
from redemptions.codes import files as code_files
from redemptions.codes import rules as code_rules
from redemptions.codes import services
from redemptions.codes.api.batch_serializers import (
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
from redemptions.codes.models import CodeBatch
from redemptions.codes.selectors.assignments import get_assignment
from redemptions.codes.selectors.batches import get_batch, get_batch_balance, list_batches

OfferKey = uuid.UUID | str
FindOffer = Callable[[Request, Any], Any]
"""Return the offer that the path names, which has a brand, for the caller. Raises NotFound and PermissionDenied."""


class CsvParser(BaseParser):
    """Parser that passes a CSV body on as a stream."""

    media_type = "text/csv"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class OfferCodesView(APIView):
    """Base of the views below ``…/<offer>/batches/``; ``batch_paths`` sets what depends on the kind of offer."""

    kind: ClassVar[str]
    find_readable: ClassVar[FindOffer]
    find_editable: ClassVar[FindOffer]

    def get_readable_batch(self, request: Request, pk: OfferKey, batch: uuid.UUID) -> CodeBatch:
        """Return a batch of an offer that the caller may read."""
        return get_batch(pk=batch, offer=type(self).find_readable(request, pk).offer_key)


class BatchesView(OfferCodesView):
    """``…/batches/``"""

    @idempotent
    def post(self, request: Request, pk: OfferKey) -> Response:
        """Create a batch of single-use codes. Many codes are generated in the background: `202`."""
        offer = type(self).find_editable(request, pk)
        body = BatchInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        batch = services.create_batch(
            kind=self.kind, brand=offer.brand, offer=offer.offer_key, **body.validated_data, at=timezone.now()
        )
        services.generate_small_batch(batch=batch)
        return Response(serialize_batch(request, batch), status=201 if batch.is_generated else 202)

    def get(self, request: Request, pk: OfferKey) -> Response:
        """List the batches of the offer, newest first."""
        page = CursorPagination()
        batches = list_batches(offer=type(self).find_readable(request, pk).offer_key)
        rows = page.paginate_queryset(batches, request, view=self) or []
        return page.get_paginated_response([serialize_batch(request, row) for row in rows])


class BatchView(OfferCodesView):
    """``…/batches/<batch>/``"""

    def get(self, request: Request, pk: OfferKey, batch: uuid.UUID) -> Response:
        """Return a batch and the progress of its generation."""
        return Response(serialize_batch(request, self.get_readable_batch(request, pk, batch)))


class BatchCodesView(OfferCodesView):
    """``…/batches/<batch>/codes.csv``"""

    costly: ClassVar[CostlyMethods] = {"get": "export"}
    key_scopes: ClassVar[KeyScopes] = {"get": EXPORT}

    renderer_classes = (CsvRenderer, JSONRenderer)

    def get(self, request: Request, pk: OfferKey, batch: uuid.UUID) -> StreamingHttpResponse:
        """Export the codes of a batch so far: `code`, `customer_id`, `expires_at` and `status`. Viewers may not.

        The status is `available`, `reserved`, `used`, `expired` or `revoked`. The audit log records the export.
        """
        code_batch = get_batch(pk=batch, offer=type(self).find_editable(request, pk).offer_key)
        rows = services.export_codes(batch=code_batch, at=timezone.now())
        return csv_response(f"codes-{code_batch.pk}.csv", services.EXPORT_HEADER, rows, marked=False)


class ImportView(OfferCodesView):
    """``…/batches/import/``"""

    costly: ClassVar[CostlyMethods] = {"post": "import"}
    parser_classes = (CsvParser,)

    def post(self, request: Request, pk: OfferKey) -> Response:
        """Import codes from another system.

        The first line of the CSV file names the columns: `code`, and optionally `customer_id`, the customer who gets
        the code, `expires_at`, when the code ends: a datetime (exclusive) or a date in the brand's time zone, which is
        included, and `balance`, the initial balance of a code that keeps one. Rejected lines are reported, the others
        are imported. To resume an interrupted import, send the file again with the ID of its batch.
        """
        offer = type(self).find_editable(request, pk)
        query = ImportQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.IMPORT_LIMIT:
            raise PayloadTooLarge
        batch_id = query.validated_data.get("batch")
        result = services.import_codes(
            kind=self.kind,
            brand=offer.brand,
            offer=offer.offer_key,
            lines=_lines(request.data),
            batch=get_batch(pk=batch_id, offer=offer.offer_key) if batch_id else None,
            allow_weak=query.validated_data["allow_weak"],
            at=timezone.now(),
        )
        counts = {name: getattr(result, name) for name in ("received", "imported", "existing", "rejected")}
        return Response(serialize_batch(request, result.batch) | counts | {"errors": result.errors}, status=201)


class AssignView(OfferCodesView):
    """``…/batches/<batch>/assign/``"""

    @idempotent
    def post(self, request: Request, pk: OfferKey, batch: uuid.UUID) -> Response:
        """Assign a code to each of the customers, or in the background to each customer of an audience."""
        code_batch = get_batch(pk=batch, offer=type(self).find_editable(request, pk).offer_key)
        body = AssignInputSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        data = body.validated_data
        if "audience" in data:
            assignment = services.assign_to_audience(
                batch=code_batch, segment_type=data["audience"], notify=data["notify"], at=timezone.now()
            )
            url = _assignment_url(request, code_batch, assignment.pk)
            return Response(to_assignment_data(assignment, job=url), status=202)
        result = services.assign_to_customers(
            batch=code_batch, customer_ids=data["customer_ids"], notify=data["notify"], at=timezone.now()
        )
        return Response(asdict(result))


class RevokeBatchView(OfferCodesView):
    """``…/batches/<batch>/revoke/``"""

    @idempotent
    def post(self, request: Request, pk: OfferKey, batch: uuid.UUID) -> Response:
        """Revoke all codes of a batch. Reservations and redemptions stay valid.

        Many codes are revoked in the background: `202`. Repeating the request has no effect.
        """
        code_batch = get_batch(pk=batch, offer=type(self).find_editable(request, pk).offer_key)
        at = timezone.now()
        services.revoke_batch(batch=code_batch, at=at)
        services.revoke_small_batch(batch=code_batch, at=at)
        return Response(serialize_batch(request, code_batch), status=202 if code_batch.is_being_revoked else 200)


class AssignmentView(OfferCodesView):
    """``…/batches/<batch>/assignments/<assignment>/``"""

    def get(self, request: Request, pk: OfferKey, batch: uuid.UUID, assignment: uuid.UUID) -> Response:
        """Return an assignment to an audience and its progress."""
        code_batch = self.get_readable_batch(request, pk, batch)
        row = get_assignment(pk=assignment, batch=code_batch)
        return Response(to_assignment_data(row, job=_assignment_url(request, code_batch, row.pk)))


def batch_paths(prefix: str, *, kind: str, find_readable: FindOffer, find_editable: FindOffer) -> list[URLPattern]:
    """Return the paths of the code batches of a kind of offer, below the path ``prefix`` of one offer, its ``pk``."""
    base, batch = f"{prefix}batches/", f"{prefix}batches/<uuid:batch>/"
    batch_answers = {201: BatchSerializer, 202: BatchSerializer}
    revoke_answers = {200: BatchSerializer, 202: BatchSerializer}
    assign_answers = {200: AssignResultSerializer, 202: AssignmentSerializer}
    csv_answer = {(200, "text/csv"): OpenApiTypes.STR}
    routes: list[tuple[str, type[OfferCodesView], str, dict[str, dict[str, Any]]]] = [
        (base, BatchesView, "batch-list", {
            "post": {
                "request": BatchInputSerializer, "operation_id": "batch_create",
                "responses": batch_answers | problem_responses(errors.PatternTooWeak, errors.InvalidStatus),
            },
            "get": {"responses": {200: BatchSerializer(many=True)}, "operation_id": "batch_list"},
        }),
        (f"{base}import/", ImportView, "batch-import", {"post": {
            "request": {"text/csv": OpenApiTypes.STR}, "parameters": [ImportQuerySerializer],
            "responses": {201: ImportResultSerializer} | problem_responses(errors.BatchRevoked, errors.InvalidStatus),
            "operation_id": "batch_import",
        }}),
        (batch, BatchView, "batch", {"get": {"responses": {200: BatchSerializer}, "operation_id": "batch_read"}}),
        (f"{batch}codes.csv", BatchCodesView, "batch-codes", {
            "get": {"responses": csv_answer, "operation_id": "batch_export"},
        }),
        (f"{batch}assign/", AssignView, "batch-assign", {"post": {
            "request": AssignInputSerializer, "operation_id": "batch_assign",
            "responses": assign_answers
            | problem_responses(
                errors.BatchNotReady, errors.BatchRevoked, errors.CodesExhausted, errors.InvalidStatus
            ),
        }}),
        (f"{batch}revoke/", RevokeBatchView, "batch-revoke", {"post": {
            "request": None, "responses": revoke_answers | problem_responses(errors.BatchNotReady),
            "operation_id": "batch_revoke",
        }}),
        (f"{batch}assignments/<uuid:assignment>/", AssignmentView, "batch-assignment", {
            "get": {"responses": {200: AssignmentSerializer}, "operation_id": "batch_assignment_read"},
        }),
    ]  # fmt: skip
    members = {"kind": kind, "find_readable": find_readable, "find_editable": find_editable}
    paths = []
    for route, view, name, methods in routes:
        schemas = {
            method: extend_schema(**schema | {"operation_id": f"{kind}_{schema['operation_id']}"})
            for method, schema in methods.items()
        }
        kind_view = cast("type[OfferCodesView]", type(f"{kind.title()}{view.__name__}", (view,), dict(members)))
        documented = extend_schema_view(**schemas)(kind_view)
        paths.append(path(route, documented.as_view(), name=f"{kind}-{name}"))
    return paths


def serialize_batch(request: Request, batch: CodeBatch) -> dict[str, Any]:
    """Return a batch in the form of ``BatchSerializer``."""
    job = reverse(f"{batch.kind}-batch", args=[batch.offer, batch.pk])
    bits = code_rules.entropy_bits(batch.pattern, batch.charset) if batch.pattern else None
    balance = get_batch_balance(batch=batch, at=timezone.now())
    return to_batch_data(batch, job=request.build_absolute_uri(job), entropy_bits=bits, balance=balance)


def _assignment_url(request: Request, batch: CodeBatch, assignment: uuid.UUID) -> str:
    path_ = reverse(f"{batch.kind}-batch-assignment", args=[batch.offer, batch.pk, assignment])
    return request.build_absolute_uri(path_)


def _lines(stream: Any) -> Iterator[str]:
    """Return the lines of the body. An empty body is parsed to a mapping and has none."""
    return iter(()) if isinstance(stream, Mapping) else code_files.iter_lines(stream.read)

"""API views of codes."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import get_caller
from accounts.selectors import get_brand_for_caller
from core.api import CursorPagination
from core.etags import VersionedObject, versioned
from core.idempotency import idempotent
from core.openapi import problem_responses
from core.views import APIView
from redemptions.backends import get_offer_names
from redemptions.balances.api.serializers import MovementSerializer, serialize_movement
from redemptions.balances.selectors import list_movements
from redemptions.codes import services
from redemptions.codes.api.serializers import CodeQuerySerializer, CodeStateSerializer, serialize_code
from redemptions.codes.models import Code
from redemptions.codes.selectors.codes import get_code, get_code_balance, get_code_status
from redemptions.errors import CodeNotFound


class CodeView(APIView):
    """``/api/v1/codes/<code>/``, by the text of the code or the SHA-256 of its canonical form"""

    versioned_object = VersionedObject(
        lambda request, name: _get_code(request, name),  # noqa: PLW0108  (defined below)
        lambda _, code: _serialize(code),
        frozenset({"status", "balance"}),
    )

    @extend_schema(
        parameters=[CodeQuerySerializer],
        responses={200: CodeStateSerializer, **problem_responses(CodeNotFound)},
        operation_id="code_read",
    )
    @versioned
    def get(self, request: Request, name: str) -> Response:
        """Return a code of your brand, of any kind of offer, with its status."""
        return Response(_serialize(_get_code(request, name)))


class RevokeView(APIView):
    """``/api/v1/codes/<code>/revoke/``"""

    versioned_object = CodeView.versioned_object

    @extend_schema(
        request=None,
        parameters=[CodeQuerySerializer],
        responses={200: CodeStateSerializer, **problem_responses(CodeNotFound)},
        operation_id="code_revoke",
    )
    @idempotent
    @versioned
    def post(self, request: Request, name: str) -> Response:
        """Revoke a code, so that nobody can redeem it any more. Reservations and redemptions stay valid."""
        code = _get_code(request, name, edit=True)
        return Response(_serialize(services.revoke_code(code=code, at=timezone.now())))


class MovementsView(APIView):
    """``/api/v1/codes/<code>/movements/``"""

    @extend_schema(
        parameters=[CodeQuerySerializer],
        responses={200: MovementSerializer(many=True), **problem_responses(CodeNotFound)},
        operation_id="code_movements",
    )
    def get(self, request: Request, name: str) -> Response:
        """List the movements of the balance of a code of your brand, newest first."""
        code = _get_code(request, name)
        page = CursorPagination()
        rows = page.paginate_queryset(list_movements(offer=code.offer, code=code.text), request, view=self) or []
        return page.get_paginated_response([serialize_movement(row) for row in rows])


def _get_code(request: Request, name: str, *, edit: bool = False) -> Code:
    """Return the code that the URL names, of the caller's brand. Raises CodeNotFound."""
    query = CodeQuerySerializer(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    slug = query.validated_data.get("brand")
    brand = get_brand_for_caller(caller=get_caller(request.auth), slug=slug, edit=edit)
    return get_code(name=name, brand_id=brand.pk)


def _serialize(code: Code) -> dict[str, Any]:
    names = get_offer_names([(code.kind, code.offer)])
    at = timezone.now()
    status, balance = get_code_status(code=code, at=at), get_code_balance(code=code, at=at)
    return serialize_code(code, offer_name=names.get(code.offer, ""), status=status, balance=balance)

"""API views of personal data: exports of what is kept about a customer, and erasures."""

import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services
from accounts.contracts import MANAGE, get_caller
from accounts.models import PrivacyRequest, PrivacyRequestStatus
from core.costly_views import CostlyMethods
from core.datetimes import format_iso
from core.idempotency import idempotent
from core.serializer_fields import StrictCharField
from core.serializers import InputSerializer
from core.views import APIView, KeyScopes

BRAND_PARAMETER = OpenApiParameter(
    "brand", str, description="Slug of the brand. Required if you belong to several brands."
)


class ExportSerializer(serializers.Serializer[Any]):
    """All that is kept about a customer."""

    exported_at = serializers.DateTimeField(help_text=_("When the export began."))
    customer_id = serializers.CharField(allow_null=True, help_text=_("ID of the customer. Null for staff without one."))
    data = serializers.DictField(  # type: ignore[assignment]  # which is also the name of a property
        child=serializers.ListField(child=serializers.DictField()),
        help_text=_("Rows by what they are, such as `orders`. Amounts are in minor units of their currency."),
    )


class ErasureSerializer(serializers.Serializer[PrivacyRequest]):
    """An erasure and its progress."""

    id = serializers.UUIDField(help_text=_("ID of the erasure."))
    status = serializers.ChoiceField(choices=PrivacyRequestStatus.choices, help_text=_("Status of the erasure."))
    created_at = serializers.DateTimeField(help_text=_("When it was requested."))
    completed_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When nothing named the customer any more, or null before.")
    )


class AccountErasureInputSerializer(InputSerializer):
    """The confirmation of an erasure."""

    password = StrictCharField(help_text=_("Password of the account."))


class AccountExportView(APIView):
    """``/api/v1/me/export/``"""

    costly: ClassVar[CostlyMethods] = {"get": "export"}
    key_scopes: ClassVar[KeyScopes] = {}
    is_for_browsers = True
    throttle_scope = "privacy"

    @extend_schema(responses=ExportSerializer, operation_id="me_export")
    def get(self, request: Request) -> StreamingHttpResponse:
        """Export all that is kept about you, by all brands: your account, orders, redemptions, vouchers and emails."""
        caller, at = get_caller(request.auth), timezone.now()
        user = selectors.active_user(caller)
        return _export_response(services.export_account(user=user, caller=caller, at=at), at)


class CustomerExportView(APIView):
    """``/api/v1/customers/<id>/export/``"""

    costly: ClassVar[CostlyMethods] = {"get": "export"}
    key_scopes: ClassVar[KeyScopes] = {"get": MANAGE}
    throttle_scope = "privacy"

    @extend_schema(parameters=[BRAND_PARAMETER], responses=ExportSerializer, operation_id="customers_export")
    def get(self, request: Request, customer_id: str) -> StreamingHttpResponse:
        """Export all that your brand keeps about a customer. The audit log records it.

        This includes what your servers sent for customers who were merged into this one.
        """
        caller, at = get_caller(request.auth), timezone.now()
        brand = selectors.get_brand_for_caller(caller=caller, slug=request.query_params.get("brand"), edit=True)
        selectors.check_customer_id(customer_id)
        export = services.export_customer(brand=brand, customer_id=customer_id, caller=caller, at=at)
        return _export_response(export, at)


class CustomerErasureView(APIView):
    """``/api/v1/customers/<id>/erase/``"""

    throttle_scope = "privacy"

    @extend_schema(
        parameters=[BRAND_PARAMETER], request=None, responses={202: ErasureSerializer},
        operation_id="customers_erase",
    )  # fmt: skip
    @idempotent
    def post(self, request: Request, customer_id: str) -> Response:
        """Erase what your brand keeps about a customer. This can't be undone.

        A pseudonym takes the place of the customer, so that sums, limits and what was used stay. What other brands keep
        of the customer stays, too, as do orders that the platform's checkout or the shopper sent.
        """
        caller = get_caller(request.auth)
        brand = selectors.get_brand_for_caller(caller=caller, slug=request.query_params.get("brand"), edit=True)
        selectors.check_customer_id(customer_id)
        erasure = services.request_customer_erasure(
            brand=brand, customer_id=customer_id, user_key=caller.user_key, api_key_id=caller.api_key_id,
            at=timezone.now(),
        )  # fmt: skip
        return Response(ErasureSerializer(erasure).data, status=202)


class ErasureView(APIView):
    """``/api/v1/erasures/<id>/``"""

    @extend_schema(responses=ErasureSerializer, operation_id="erasures_get")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return an erasure that your brand requested, with its progress."""
        brand_ids = selectors.readable_brand_ids(get_caller(request.auth))
        return Response(ErasureSerializer(selectors.get_erasure(pk=pk, brand_ids=brand_ids)).data)


def _export_response(export: services.Export, at: datetime) -> StreamingHttpResponse:
    """Return an export as a JSON document, written while its rows are read, so that it may be of any length."""
    response = StreamingHttpResponse(_iter_json(export, at), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="personal-data.json"'
    response["Cache-Control"] = "no-store"
    return response


def _iter_json(export: services.Export, at: datetime) -> Iterator[str]:
    head = json.dumps({"exported_at": format_iso(at), "customer_id": export.customer_id}, ensure_ascii=False)
    yield f'{head[:-1]}, "data": {{'
    for position, (name, rows) in enumerate(export.parts):
        yield f"{', ' if position else ''}{json.dumps(name)}: ["
        for number, row in enumerate(rows):
            yield (",\n" if number else "\n") + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
        yield "]"
    yield "}}\n"

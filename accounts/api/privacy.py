"""API views of personal data: exports of what is kept about a customer."""

import json
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

from accounts import selectors, services
from accounts.contracts import MANAGE, get_caller
from core.datetimes import format_iso
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


class AccountExportView(APIView):
    """``/api/v1/me/export/``"""

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

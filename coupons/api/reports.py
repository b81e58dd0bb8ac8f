"""API views of coupon reports, as JSON or CSV."""

import uuid
from typing import Any, ClassVar

from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, timezone_of
from backoffice.base.csv_export import csv_response
from core import money
from core.api import CsvRenderer
from core.costly_views import CostlyMethods
from core.datetimes import format_iso
from core.errors import InvalidRequest
from core.list_queries import validate_query
from core.periods import Interval
from core.serializer_fields import StrictCharField
from core.views import APIView
from coupons.api.coupons import readable
from coupons.services import reports
from coupons.services.reports import Report, Sums
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, normalize_code
from redemptions.results.api.serializers import PeriodQuerySerializer, resolve_period


class ReportQuerySerializer(PeriodQuerySerializer):
    """Query of a report, by default from the coupon's beginning (for a brand: 30 days ago) until now."""


class BrandReportQuerySerializer(ReportQuerySerializer):
    """Query of the report of a brand's coupons, or of one code."""

    brand = StrictCharField(required=False, help_text=gettext_lazy("Required if you belong to several brands."))
    code = StrictCharField(
        required=False,
        help_text=gettext_lazy("Only redemptions of this code. A generic code stands for its coupon."),
    )


class ReportSumsSerializer(serializers.Serializer[Any]):
    """Sums of a report or of one of its intervals."""

    redemptions = serializers.IntegerField(help_text=gettext_lazy("Confirmed redemptions, including returned ones."))
    released = serializers.IntegerField(
        help_text=gettext_lazy("Units that became available again: returns, and released or expired reservations.")
    )
    refunded = serializers.IntegerField(help_text=gettext_lazy("Returned redemptions."))
    discount_total = serializers.CharField(
        help_text=gettext_lazy("Discount of confirmed redemptions in the report's currency, net of returns.")
    )
    discount_totals = serializers.DictField(
        child=serializers.CharField(), help_text=gettext_lazy("The same discount in each currency.")
    )


class ReportBucketSerializer(ReportSumsSerializer):
    """Interval of a report."""

    start = serializers.DateTimeField()


class ReportSerializer(serializers.Serializer[Any]):
    """Report. The first and the last bucket cover only the time between `from` and `to`."""

    total = serializers.IntegerField(help_text=gettext_lazy("Number of redemptions."))
    totals = ReportSumsSerializer()
    unit = serializers.ChoiceField(choices=[str(unit) for unit in Interval])
    tz = serializers.CharField()
    currency = serializers.CharField()
    buckets = ReportBucketSerializer(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from`` and ``to``."""
        return super().get_fields() | {"from": serializers.DateTimeField(), "to": serializers.DateTimeField()}


class ReportView(APIView):
    """Base class of report views, which answer with JSON or CSV."""

    costly: ClassVar[CostlyMethods] = {"get": "report"}
    throttle_scope = "report"
    renderer_classes = (JSONRenderer, CsvRenderer)

    def respond(self, request: Request, report: Report, name: str) -> HttpResponseBase:
        """Return the report in the accepted format."""
        if getattr(request.accepted_renderer, "format", "json") != CsvRenderer.format:
            return Response(serialize_report(report))
        lines = reports.iter_lines(report)
        return csv_response(f"{name}-{report.unit}.csv", reports.HEADER, lines, marked=False)


class CouponReportView(ReportView):
    """``/api/v1/coupons/<id>/report/``"""

    @extend_schema(
        parameters=[ReportQuerySerializer],
        responses={200: ReportSerializer, (200, "text/csv"): OpenApiTypes.STR},
        operation_id="coupon_report",
    )
    def get(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        """Report the redemptions of a coupon by hour, day, week or month, exact to the second and up to date.

        A redemption counts at the time of its confirmation; a later return changes the numbers of that interval. For
        months whose redemptions were dropped, reports are exact to the quarter hour.
        """
        coupon = readable(request, pk)
        query = validate_query(ReportQuerySerializer, request)
        report = reports.coupon_report(coupon=coupon, at=timezone.now(), **_period(query, coupon.brand))
        return self.respond(request, report, f"coupon-{coupon.pk}")


class BrandReportView(ReportView):
    """``/api/v1/coupons/report/``"""

    @extend_schema(
        parameters=[BrandReportQuerySerializer],
        responses={200: ReportSerializer, (200, "text/csv"): OpenApiTypes.STR},
        operation_id="coupons_report",
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Report the redemptions of all coupons of a brand, or of one code."""
        query = validate_query(BrandReportQuerySerializer, request)
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=query.get("brand"))
        period = _period(query, brand) | {"brand": brand, "at": timezone.now()}
        if "code" not in query:
            return self.respond(request, reports.brand_report(**period), f"coupons-of-{brand.slug}")
        code = normalize_code(query["code"])
        if code is None:
            raise InvalidRequest.field("code", str(CODE_FORMAT_MESSAGE))
        return self.respond(request, reports.code_report(code=code, **period), f"code-{code}")


def _period(query: dict[str, Any], brand: Brand) -> dict[str, Any]:
    """Return the interval, the time zone, the start and the end of the report."""
    zone, start, end = resolve_period(query, default_zone=timezone_of(brand))
    return {"unit": Interval(query["unit"]), "timezone": zone, "start": start, "end": end}


# --- output -----------------------------------------------------------------------------------------------------------
def serialize_report(report: Report) -> dict[str, Any]:
    """Return a report as ``ReportSerializer`` describes it."""
    return {
        "total": report.total.redemptions,
        "totals": _serialize_sums(report.total, report.currency),
        "unit": str(report.unit),
        "tz": report.timezone.key,
        "currency": report.currency,
        "from": format_iso(report.start),
        "to": format_iso(report.end),
        "buckets": [
            {"start": format_iso(period.start)} | _serialize_sums(period.sums, report.currency)
            for period in report.periods
        ],
    }


def _serialize_sums(sums: Sums, currency: str) -> dict[str, Any]:
    return {
        "redemptions": sums.redemptions,
        "released": sums.released,
        "refunded": sums.refunded,
        "discount_total": money.format_decimal(sums.discount.get(currency, 0), currency),
        "discount_totals": {name: money.format_decimal(minor, name) for name, minor in sorted(sums.discount.items())},
    }

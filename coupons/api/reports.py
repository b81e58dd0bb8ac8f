"""Reports of coupons over HTTP: parse, ask one service, answer as JSON or CSV."""

import uuid
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.contracts import Caller, get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, readable_brand_ids, timezone_of
from backoffice.base.csv_export import csv_response
from core import money
from core.api import CsvRenderer
from core.errors import InvalidRequest, NotFound, PermissionDenied
from core.periods import Interval
from core.serializer_fields import DateOrDateTimeField, StrictCharField, localize_date
from coupons.models import CouponDefinition
from coupons.services import reports
from coupons.services.reports import Report, Sums
from promotions.code_rules import normalize_code


@extend_schema_field({"type": "string", "example": "Europe/Madrid"})
class TimeZoneField(StrictCharField):
    """The IANA name of a time zone."""

    def to_internal_value(self, data: Any) -> Any:
        name = super().to_internal_value(data)
        if name not in available_timezones():
            raise serializers.ValidationError(
                "Name a time zone of the IANA database, such as Europe/Madrid.", code="invalid"
            )
        return ZoneInfo(name)


class ReportQuery(serializers.Serializer[Any]):
    """What is reported; an end that is not named is the coupon's beginning (for a brand: 30 days ago), or now."""

    unit = serializers.ChoiceField(choices=[str(unit) for unit in Interval], default=str(Interval.DAY))
    tz = TimeZoneField(required=False, help_text="The brand's own where none is named")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``from`` and ``to`` besides: no attribute of Python's can be named so."""
        fields = super().get_fields()
        fields["from"] = DateOrDateTimeField(required=False, help_text="The first instant that counts; a day: of `tz`")
        fields["to"] = DateOrDateTimeField(required=False, help_text="The first that does not count; a day: of `tz`")
        return fields


class BrandReportQuery(ReportQuery):
    """Of which brand, when the caller works for several; of all of its coupons, or of one code."""

    brand = StrictCharField(required=False)
    code = StrictCharField(required=False, help_text="Of a code alone; one for everyone stands for its coupon")


class SumsAnswer(serializers.Serializer[Any]):
    """`released`: places that came back, by refunds and by reservations that were let go of or expired. `refunded`:
    refunds alone. `discount_total`: what the redemptions that stand took off, in the report's currency;
    `discount_totals`: in each currency.
    """

    redemptions = serializers.IntegerField()
    released = serializers.IntegerField()
    refunded = serializers.IntegerField()
    discount_total = serializers.CharField()
    discount_totals = serializers.DictField(child=serializers.CharField())


class BucketAnswer(SumsAnswer):
    """A period by its first instant."""

    start = serializers.DateTimeField()


class ReportAnswer(serializers.Serializer[Any]):
    """`total` counts redemptions. The first and the last bucket hold only what lies between `from` and `to`."""

    total = serializers.IntegerField()
    totals = SumsAnswer()
    unit = serializers.ChoiceField(choices=[str(unit) for unit in Interval])
    tz = serializers.CharField()
    currency = serializers.CharField()
    buckets = BucketAnswer(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``from`` and ``to`` besides."""
        return super().get_fields() | {"from": serializers.DateTimeField(), "to": serializers.DateTimeField()}


class ReportView(APIView):
    """An answer as JSON, or as CSV for who accepts that."""

    throttle_scope = "report"
    renderer_classes = (JSONRenderer, CsvRenderer)

    def answer(self, request: Request, report: Report, name: str) -> HttpResponseBase:
        if getattr(request.accepted_renderer, "format", "json") != CsvRenderer.format:
            return Response(report_answer(report))
        return csv_response(f"{name}-{report.unit}.csv", reports.HEADER, reports.lines(report), marked=False)


class CouponReportView(ReportView):
    """``/api/v1/coupons/<id>/report/``"""

    @extend_schema(
        parameters=[ReportQuery],
        responses={200: ReportAnswer, (200, "text/csv"): OpenApiTypes.STR},
        operation_id="coupon_report",
    )
    def get(self, request: Request, pk: uuid.UUID) -> HttpResponseBase:
        """What became of a coupon's redemptions, by hour, day, week or month: exact to the second and to the moment.

        A redemption counts when it was redeemed; a later refund changes that period's numbers. Exact to the quarter of
        an hour for months whose single redemptions were dropped.
        """
        coupon = _readable_brands(get_caller(request.auth), pk)
        asked = _validated_query(ReportQuery, request)
        report = reports.coupon_report(coupon=coupon, at=timezone.now(), **_period(asked, coupon.brand))
        return self.answer(request, report, f"coupon-{coupon.pk}")


class BrandReportView(ReportView):
    """``/api/v1/coupons/report/``"""

    @extend_schema(
        parameters=[BrandReportQuery],
        responses={200: ReportAnswer, (200, "text/csv"): OpenApiTypes.STR},
        operation_id="coupons_report",
    )
    def get(self, request: Request) -> HttpResponseBase:
        """What became of the redemptions of all of a brand's coupons, or of those of one code."""
        asked = _validated_query(BrandReportQuery, request)
        brand = get_brand_for_caller(caller=get_caller(request.auth), slug=asked.get("brand"))
        period = _period(asked, brand) | {"brand": brand, "at": timezone.now()}
        if "code" not in asked:
            return self.answer(request, reports.brand_report(**period), f"coupons-of-{brand.slug}")
        code = normalize_code(asked["code"])
        if code is None:
            raise InvalidRequest.field("code", "A code is 3 to 64 of A-Z, 0-9, _ and -.")
        return self.answer(request, reports.code_report(code=code, **period), f"code-{code}")


def _readable_brands(caller: Caller, pk: uuid.UUID) -> CouponDefinition:
    """A coupon of the caller's own brands; another's is not there. Raises NotFound, PermissionDenied (shoppers)."""
    brand_ids = readable_brand_ids(caller)
    if brand_ids == []:
        raise PermissionDenied
    coupons = CouponDefinition.objects.select_related("brand").filter(pk=pk)
    coupon = (coupons if brand_ids is None else coupons.filter(brand__in=brand_ids)).first()
    if coupon is None:
        raise NotFound
    return coupon


def _validated_query(shape: type[ReportQuery], request: Request) -> dict[str, Any]:
    query = shape(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return query.validated_data  # type: ignore[no-any-return]


def _period(asked: dict[str, Any], brand: Brand) -> dict[str, Any]:
    """Which periods are reported, in which time zone, between which instants."""
    zone = asked.get("tz") or timezone_of(brand)
    first, until = (localize_date(asked[end], zone.key) if end in asked else None for end in ("from", "to"))
    return {"unit": Interval(asked["unit"]), "zone": zone, "first": first, "until": until}


# --- answers ---------------------------------------------------------------------------------------------------------
def report_answer(report: Report) -> dict[str, Any]:
    """A report as JSON says it."""
    return {
        "total": report.total.redemptions,
        "totals": _sums(report.total, report.currency),
        "unit": str(report.unit),
        "tz": report.timezone.key,
        "currency": report.currency,
        "from": reports.instant(report.start),
        "to": reports.instant(report.end),
        "buckets": [
            {"start": reports.instant(period.start)} | _sums(period.sums, report.currency) for period in report.periods
        ],
    }


def _sums(sums: Sums, currency: str) -> dict[str, Any]:
    return {
        "redemptions": sums.redemptions,
        "released": sums.released,
        "refunded": sums.refunded,
        "discount_total": money.format_decimal(sums.discount.get(currency, 0), currency),
        "discount_totals": {its: money.format_decimal(given, its) for its, given in sorted(sums.discount.items())},
    }

"""API views of results."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.contracts import Caller, get_caller
from accounts.models import Brand
from accounts.selectors import get_brand_for_caller, readable_brand_ids, timezone_of
from backoffice.base.csv_export import csv_response
from core.api import CsvRenderer
from core.costly_views import CostlyMethods
from core.errors import PermissionDenied
from core.list_queries import validate_query
from core.periods import Interval
from core.views import APIView
from redemptions.results.api.serializers import (
    ResultQuerySerializer,
    ResultReportSerializer,
    resolve_period,
    serialize_report,
)
from redemptions.results.contracts import Grouping, ReportPeriod, ResultFilter
from redemptions.results.services import reports

DEFAULT_DAYS = 30


class ResultsView(APIView):
    """``/api/v1/results/``"""

    costly: ClassVar[CostlyMethods] = {"get": "report"}
    throttle_scope = "report"
    renderer_classes = (JSONRenderer, CsvRenderer)

    @extend_schema(
        parameters=[ResultQuerySerializer],
        responses={200: ResultReportSerializer, (200, "text/csv"): OpenApiTypes.STR},
        operation_id="results",
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Report what happened to offers of every kind by hour, day, week or month, up to date.

        A use counts at the time of its confirmation, and a later return changes the numbers of that interval.
        `Accept: text/csv` answers a line per interval, group and currency.
        """
        query = validate_query(ResultQuerySerializer, request)
        grouping = Grouping(query["group_by"]) if "group_by" in query else None
        slugs, zone = _brands(get_caller(request.auth), query.get("brand"), grouping)
        report = reports.build_report(
            wanted=ResultFilter(tuple(slugs), query.get("kind", ""), query.get("offer")),
            period=_period(query, zone),
            by=grouping,
            is_compared="compare" in query,
        )
        if getattr(request.accepted_renderer, "format", "json") != CsvRenderer.format:
            return Response(serialize_report(report, slugs))
        name = f"results-{report.period.unit}.csv"
        return csv_response(name, reports.HEADER, reports.iter_lines(report, slugs), marked=False)


def _brands(caller: Caller, slug: str | None, grouping: Grouping | None) -> tuple[Mapping[UUID, str], ZoneInfo]:
    """Return the brands that a caller asks for, with their slugs, and the default time zone.

    Only a report by brand covers several. Raises PermissionDenied and InvalidRequest.
    """
    if slug is not None or grouping is not Grouping.BRAND:
        brand = get_brand_for_caller(caller=caller, slug=slug)
        return {brand.pk: brand.slug}, timezone_of(brand)
    ids = readable_brand_ids(caller)
    if ids is not None and not ids:
        raise PermissionDenied
    brands = Brand.objects.all() if ids is None else Brand.objects.filter(pk__in=ids)
    slugs = dict(brands.order_by("slug").values_list("pk", "slug"))
    return slugs, timezone_of(brands[0]) if len(slugs) == 1 else ZoneInfo("UTC")


def _period(query: Mapping[str, Any], default_zone: ZoneInfo) -> ReportPeriod:
    zone, start, end = resolve_period(query, default_zone=default_zone)
    end = end or timezone.now()
    return ReportPeriod(Interval(query["unit"]), zone, start or end - timedelta(days=DEFAULT_DAYS), end)

"""Serializers of the results API."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core import money
from core.datetimes import format_iso
from core.periods import Interval
from core.serializer_fields import EndField, SlugField, StartField, StrictCharField, localize
from redemptions.lifecycle import OfferLifecycle
from redemptions.results.contracts import Amounts, Grouping, Results
from redemptions.results.selectors import read_totals
from redemptions.results.services.reports import Group, ResultReport


@extend_schema_field({"type": "string", "example": "Europe/Madrid"})
class TimeZoneField(StrictCharField):
    """IANA name of a time zone."""

    def to_internal_value(self, data: Any) -> Any:
        name = super().to_internal_value(data)
        if name not in available_timezones():
            raise serializers.ValidationError(_("Enter an IANA time zone, for example Europe/Madrid."), code="invalid")
        return ZoneInfo(name)


class PeriodQuerySerializer(serializers.Serializer[Any]):
    """Interval, time zone, start and end of a report."""

    unit = serializers.ChoiceField(
        choices=[str(unit) for unit in Interval], default=str(Interval.DAY), help_text=gettext_lazy("Interval.")
    )
    tz = TimeZoneField(required=False, help_text=gettext_lazy("Defaults to the brand's time zone."))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from`` and ``to``, whose names can't be attributes in Python."""
        fields = super().get_fields()
        fields["from"] = StartField(
            required=False,
            help_text=gettext_lazy("Start (inclusive). A date in `tz` counts from its first instant."),
        )
        fields["to"] = EndField(required=False, help_text=gettext_lazy("End (exclusive). A date in `tz` is included."))
        return fields


def resolve_period(
    query: Mapping[str, Any], *, default_zone: ZoneInfo
) -> tuple[ZoneInfo, datetime | None, datetime | None]:
    """Return the time zone of a validated query, and its start and end in UTC, None where they are not sent."""
    zone = query.get("tz") or default_zone
    start, end = (localize(query[name], zone.key) if name in query else None for name in ("from", "to"))
    return zone, start, end


class ResultQuerySerializer(PeriodQuerySerializer):
    """Query of results, by default of the last 30 days. Times count in whole quarters of an hour."""

    brand = SlugField(required=False, help_text=gettext_lazy("Slug of the brand, if you belong to several brands."))
    kind = serializers.ChoiceField(
        required=False,
        choices=sorted(settings.REDEMPTION_BACKENDS),
        help_text=gettext_lazy("Only offers of this kind."),
    )
    offer = serializers.UUIDField(required=False, help_text=gettext_lazy("Only this offer, given by its ID."))
    group_by = serializers.ChoiceField(
        required=False,
        choices=[str(grouping) for grouping in Grouping],
        help_text=gettext_lazy(
            "Also answers the results of each kind, offer or brand, or of each code of the `offer` that is sent."
        ),
    )
    compare = serializers.ChoiceField(
        required=False,
        choices=["previous"],
        help_text=gettext_lazy("Also answers the results of the time of the same length right before."),
    )


class AmountsSerializer(serializers.Serializer[Any]):
    """Amounts in one currency."""

    gross = serializers.CharField(
        help_text=gettext_lazy("Undiscounted total of the orders, shipping included. Each order counts once.")
    )
    discount = serializers.CharField(help_text=gettext_lazy("Discount at the confirmation."))
    net = serializers.CharField(help_text=gettext_lazy("Gross less discount."))
    returned_discount = serializers.CharField(help_text=gettext_lazy("Share of the discount that returns released."))


class OfferResultsSerializer(serializers.Serializer[Any]):
    """What happened to an offer since it was created."""

    reserved = serializers.IntegerField(help_text=gettext_lazy("Uses that were reserved."))
    confirmed = serializers.IntegerField(help_text=gettext_lazy("Confirmed uses, including returned ones."))
    returned = serializers.IntegerField(help_text=gettext_lazy("Uses that were returned."))
    orders = serializers.IntegerField(help_text=gettext_lazy("Orders with a confirmed use."))
    amounts = serializers.DictField(
        child=AmountsSerializer(), help_text=gettext_lazy("Amounts by currency, as decimal strings.")
    )


class ResultsSerializer(OfferResultsSerializer):
    """What happened to offers in a period."""

    released = serializers.IntegerField(help_text=gettext_lazy("Reservations that were released."))
    expired = serializers.IntegerField(help_text=gettext_lazy("Reservations that expired."))
    returned = serializers.IntegerField(
        help_text=gettext_lazy("Uses that were returned, in the period of their confirmation.")
    )
    rejected = serializers.IntegerField(help_text=gettext_lazy("Refused attempts."))
    customers = serializers.IntegerField(
        required=False,
        help_text=gettext_lazy("Customers with a confirmed use. Only in results of one `offer` and of its codes."),
    )
    rejections = serializers.DictField(
        child=serializers.IntegerField(), help_text=gettext_lazy("Refused attempts by the code of the reason.")
    )


class ResultBucketSerializer(ResultsSerializer):
    """Results of an interval."""

    start = serializers.DateTimeField(help_text=gettext_lazy("Start of the interval."))


class ResultOfferSerializer(serializers.Serializer[Any]):
    """The offer of a group."""

    id = serializers.UUIDField(help_text=gettext_lazy("ID of the offer."))
    name = serializers.CharField(help_text=gettext_lazy("Name of the offer now. Empty if it was deleted."))


class PeriodResultsSerializer(serializers.Serializer[Any]):
    """Results of a period: the total, of the time before, and by interval."""

    totals = ResultsSerializer(help_text=gettext_lazy("Results of the whole period."))
    previous = ResultsSerializer(allow_null=True, help_text=gettext_lazy("Results of the time before, if compared."))
    buckets = ResultBucketSerializer(many=True, help_text=gettext_lazy("Results by interval, also of empty ones."))


class ResultGroupSerializer(PeriodResultsSerializer):
    """Results of a brand, a kind, an offer or a code."""

    brand = serializers.SlugField(required=False, help_text=gettext_lazy("Slug of the brand."))
    kind = serializers.CharField(required=False, help_text=gettext_lazy("Kind of offer."))
    offer = ResultOfferSerializer(required=False, help_text=gettext_lazy("The offer."))
    code = serializers.CharField(
        required=False, help_text=gettext_lazy("The code. Empty for uses and attempts without one.")
    )


class ResultReportSerializer(PeriodResultsSerializer):
    """Results. `groups` has at most 200 groups, those with the most confirmed uses first."""

    unit = serializers.ChoiceField(choices=[str(unit) for unit in Interval], help_text=gettext_lazy("Interval."))
    tz = serializers.CharField(help_text=gettext_lazy("Time zone of the intervals."))
    groups = ResultGroupSerializer(many=True, help_text=gettext_lazy("Results by group, if `group_by` is sent."))
    group_count = serializers.IntegerField(help_text=gettext_lazy("Number of all groups."))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from`` and ``to``."""
        start = serializers.DateTimeField(help_text=gettext_lazy("Start (inclusive)."))
        end = serializers.DateTimeField(help_text=gettext_lazy("End (exclusive)."))
        return super().get_fields() | {"from": start, "to": end}


def serialize_report(report: ResultReport, slugs: Mapping[UUID, str]) -> dict[str, Any]:
    """Return a report in the form of ``ResultReportSerializer``; ``slugs`` are those of the brands."""
    return {
        "unit": str(report.period.unit),
        "tz": report.period.timezone.key,
        "from": format_iso(report.period.start),
        "to": format_iso(report.period.end),
        **_serialize_group(report.whole, report.starts),
        "groups": [_identify(group, slugs) | _serialize_group(group, report.starts) for group in report.groups],
        "group_count": report.group_count,
    }


def _identify(group: Group, slugs: Mapping[UUID, str]) -> dict[str, Any]:
    identity: dict[str, Any] = {}
    if group.brand is not None:
        identity["brand"] = slugs[group.brand]
    if group.kind:
        identity["kind"] = group.kind
    if group.offer is not None:
        identity["offer"] = {"id": str(group.offer), "name": group.name}
    if group.code is not None:
        identity["code"] = group.code
    return identity


def _serialize_group(group: Group, starts: Sequence[datetime]) -> dict[str, Any]:
    return {
        "totals": serialize_results(group.total),
        "previous": None if group.previous is None else serialize_results(group.previous),
        "buckets": [
            {"start": format_iso(start)} | serialize_results(results)
            for start, results in zip(starts, group.periods, strict=True)
        ],
    }


def serialize_offer_results(offers: Collection[OfferLifecycle]) -> dict[UUID, dict[str, Any]]:
    """Return the results of offers by ``offer_key``, in the form of ``OfferResultsSerializer``."""
    totals = read_totals(
        offers=[offer.offer_key for offer in offers],
        brands=[offer.brand_id for offer in offers],  # type: ignore[attr-defined]
    )
    names = OfferResultsSerializer().get_fields()
    serialized = {key: serialize_results(results) for key, results in totals.items()}
    return {key: {name: data[name] for name in names} for key, data in serialized.items()}


def serialize_results(results: Results) -> dict[str, Any]:
    """Return results in the form of ``ResultsSerializer``."""
    customers = {} if results.customers is None else {"customers": results.customers}
    return customers | {
        "reserved": results.reserved,
        "confirmed": results.confirmed,
        "released": results.released,
        "expired": results.expired,
        "returned": results.returned,
        "orders": results.orders,
        "rejected": results.rejected,
        "rejections": dict(sorted(results.rejections.items())),
        "amounts": {
            currency: _serialize_amounts(amounts, currency) for currency, amounts in sorted(results.amounts.items())
        },
    }


def _serialize_amounts(amounts: Amounts, currency: str) -> dict[str, str]:
    values = {
        "gross": amounts.gross,
        "discount": amounts.discount,
        "net": amounts.net,
        "returned_discount": amounts.returned_discount,
    }
    return {name: money.format_decimal(minor, currency) for name, minor in values.items()}

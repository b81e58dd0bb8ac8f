"""A day without a time: as a start its first instant, as an end the whole of it, in the brand's time zone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField
from core.periods import end_of_day, start_of_day
from segments.services import apply_audience
from tests.factories import ApiKeyFactory, BrandFactory, CouponFactory

ClientOf = Callable[[Brand], Client]
Kind = Callable[[str, str], tuple[str, dict[str, Any]]]
API, INTERNAL = "/api/v1/", "/api/internal/v1/"
OFFER = {"benefits": [{"kind": "percent", "value": "10"}]}
DAYS = [
    ("UTC", "2027-12-31", "2027-12-31T00:00:00Z", "2028-01-01T00:00:00Z"),
    ("Europe/Madrid", "2027-06-30", "2027-06-29T22:00:00Z", "2027-06-30T22:00:00Z"),
    ("Europe/Madrid", "2028-02-29", "2028-02-28T23:00:00Z", "2028-02-29T23:00:00Z"),
    ("Europe/Madrid", "2027-03-28", "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"),  # 23 hours
    ("Europe/Madrid", "2027-10-31", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z"),  # 25 hours
    ("America/Havana", "2027-03-14", "2027-03-14T05:00:00Z", "2027-03-15T04:00:00Z"),  # midnight is skipped
    ("America/Havana", "2027-03-13", "2027-03-13T05:00:00Z", "2027-03-14T05:00:00Z"),  # the next midnight is
    ("America/Havana", "2027-11-07", "2027-11-07T04:00:00Z", "2027-11-08T05:00:00Z"),  # midnight comes twice
    ("Asia/Kathmandu", "2027-06-30", "2027-06-29T18:15:00Z", "2027-06-30T18:15:00Z"),
    ("Etc/GMT+12", "2027-06-30", "2027-06-30T12:00:00Z", "2027-07-01T12:00:00Z"),
    ("Pacific/Kiritimati", "2027-06-30", "2027-06-29T10:00:00Z", "2027-06-30T10:00:00Z"),
]
every_day = pytest.mark.parametrize(("zone", "day", "start", "end"), DAYS, ids=lambda value: value)


def promotion(start: str, end: str) -> tuple[str, dict[str, Any]]:
    body = {"name": "x", "trigger": "code", "code": "ONE-DAY", "offer": OFFER}
    return f"{API}promotions/", body | {"start_date": start, "end_date": end}


def coupon(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}coupons/", {"title": "x", "offer": OFFER, "start_date": start, "end_date": end}


def campaign(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}campaigns/", {"name": "x", "slug": "x", "start_date": start, "end_date": end}


def code(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}discountcode/", {"id": "ONE-DAY", "rule": {"discount": 10}, "start_date": start, "validity": end}


def send(client: Client, method: str, path: str, body: Any) -> Any:
    response = getattr(client, method)(path, body, content_type="application/json")
    assert response.status_code in {200, 201, 202}, response.content
    return response.json()


# --- offers -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@every_day
@pytest.mark.parametrize("kind", [promotion, coupon, campaign, code])
def test_a_day_as_an_end_means_the_whole_of_it(
    brand_client: ClientOf, kind: Kind, zone: str, day: str, start: str, end: str
) -> None:
    client = brand_client(BrandFactory(timezone=zone))

    created = send(client, "post", *kind(day, day))

    assert created.get("start_date", start) == start
    assert created.get("end_date", created.get("validity")) == end


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [promotion, coupon, campaign, code])
def test_an_offer_of_today_alone_is_accepted_and_active(brand_client: ClientOf, kind: Kind) -> None:
    zone = ZoneInfo("Pacific/Kiritimati")
    today = timezone.now().astimezone(zone).date()

    created = send(brand_client(BrandFactory(timezone=zone.key)), "post", *kind(f"{today}", f"{today}"))

    assert created.get("status", "active") in {"active", "open"}
    assert datetime.fromisoformat(created.get("end_date", created.get("validity"))) == end_of_day(today, zone)


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "path"), [(promotion, "promotions"), (coupon, "coupons")])
def test_a_changed_end_includes_its_day(brand_client: ClientOf, kind: Kind, path: str) -> None:
    client = brand_client(BrandFactory(timezone="Europe/Madrid"))
    created = send(client, "post", *kind("2027-10-01", "2027-10-02"))

    changed = send(client, "patch", f"{API}{path}/{created['id']}/", {"end_date": "2027-10-31"})

    assert changed["end_date"] == "2027-10-31T23:00:00Z"


@pytest.mark.django_db
def test_changed_ends_of_codes_and_campaigns_include_their_day(brand_client: ClientOf) -> None:
    client = brand_client(BrandFactory(timezone="Europe/Madrid"))
    send(client, "post", *code("2027-10-01", "2027-10-01"))
    send(client, "post", *campaign("2027-10-01", "2027-10-02"))

    validity = send(client, "patch", f"{API}discountcode/ONE-DAY/", {"validity": "2027-10-31"})["validity"]
    end = send(client, "patch", f"{API}campaigns/x/", {"end_date": "2027-10-31"})["end_date"]

    assert validity == end == "2027-10-31T23:00:00Z"


@pytest.mark.django_db
@every_day
def test_a_segment_of_one_day_covers_it(zone: str, day: str, start: str, end: str) -> None:
    brand = BrandFactory(slug="billo", timezone=zone)
    apply_audience(brand=brand, segment_type="vip", operation="add", customer_ids=["c1"])
    client = Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(internal=True).text}"})
    body = {"merchant_id": "billo", "segment_type": "vip", "start_date": day, "end_date": day}

    segment = send(client, "post", f"{INTERNAL}sync-segment/", body)["segment_id"]

    stored = client.get(f"{INTERNAL}segments/{segment}/").json()
    assert (stored["start_date"], stored["expires_at"]) == (start, end)


# --- reports ----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@every_day
def test_a_report_from_a_day_to_the_same_day_is_that_day(
    brand_client: ClientOf, zone: str, day: str, start: str, end: str
) -> None:
    brand = BrandFactory(timezone=zone)
    shared = CouponFactory(brand=brand)

    for path in (f"coupons/{shared.pk}/report/", "coupons/report/"):
        report = brand_client(brand).get(f"{API}{path}?from={day}&to={day}&unit=day").json()
        assert [report["from"], report["to"]] == [start, end]
        assert [bucket["start"] for bucket in report["buckets"]] == [start]


@pytest.mark.django_db
def test_the_days_of_a_report_are_those_of_its_time_zone(brand_client: ClientOf) -> None:
    client = brand_client(BrandFactory(timezone="Europe/Madrid"))

    report = client.get(f"{API}coupons/report/?from=2027-02-28&to=2027-03-01&tz=Asia/Tokyo").json()

    assert [report["from"], report["to"]] == ["2027-02-27T15:00:00Z", "2027-03-01T15:00:00Z"]


# --- forms ------------------------------------------------------------------------------------------------------------
@every_day
def test_a_form_reads_a_day_like_the_api(zone: str, day: str, start: str, end: str) -> None:
    with timezone.override(zone):
        fields = AwareDateTimeFormField(), AwareDateTimeFormField(is_end=True)
        read = [field.clean(day) for field in fields]

    assert read == [datetime.fromisoformat(start), datetime.fromisoformat(end)]


# --- the rule ---------------------------------------------------------------------------------------------------------
@given(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    st.sampled_from(sorted(available_timezones())).map(ZoneInfo),
    st.floats(0, 1, exclude_max=True),
)
def test_a_day_has_all_instants_with_its_date_and_no_others(day: date, zone: ZoneInfo, part: float) -> None:
    start, end, tick = start_of_day(day, zone), end_of_day(day, zone), timedelta(microseconds=1)
    within = min(start + (end - start) * part, end - tick)

    assert start_of_day(day + timedelta(days=1), zone) == end
    assert (start - tick).astimezone(zone).date() < day
    assert end.astimezone(zone).date() > day
    if start < end:  # a time zone may skip a day
        assert {instant.astimezone(zone).date() for instant in (start, within, end - tick)} == {day}
    assert start.tzinfo is UTC

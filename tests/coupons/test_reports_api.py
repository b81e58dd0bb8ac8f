"""API of coupon reports."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from coupons.models import CouponDefinition, RedeemedCode
from redemptions.codes.models import CodeBatch
from redemptions.statuses import RedemptionStatus
from tests.coupons.builders import build_redemption, create_coupon, store_redemptions
from tests.factories import BrandFactory, CodeFactory, DiscountCodeFactory, MembershipFactory, ShopperFactory
from tests.redemptions.events import roll_up_now

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
BOTH_DAYS = {"from": "2027-03-16T00:00:00Z", "to": "2027-03-18T00:00:00Z"}


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    return brand


@pytest.fixture
def coupon(brand: Brand) -> CouponDefinition:
    return create_coupon(brand)


@pytest.fixture
def server(brand_client: ClientOf, brand: Brand) -> Client:
    return brand_client(brand)


def url_of(coupon: CouponDefinition) -> str:
    return f"/api/v1/coupons/{coupon.pk}/report/"


def test_a_report_has_the_documented_shape(server: Client, coupon: CouponDefinition) -> None:
    store_redemptions(
        build_redemption(coupon, NOON),
        build_redemption(coupon, NOON, RedemptionStatus.RETURNED),
        build_redemption(coupon, NOON, currency="JPY", amount=3),
    )
    roll_up_now()

    response = server.get(url_of(coupon), {"unit": "day", "tz": "Europe/Madrid", **BOTH_DAYS})

    assert response.status_code == 200
    empty = {"redemptions": 0, "released": 0, "refunded": 0, "discount_total": "0.00", "discount_totals": {}}
    sums = {
        "redemptions": 3, "released": 1, "refunded": 1, "discount_total": "1.00",
        "discount_totals": {"EUR": "1.00", "JPY": "3"},
    }  # fmt: skip
    assert response.json() == {
        "total": 3, "totals": sums, "unit": "day", "tz": "Europe/Madrid", "currency": "EUR",
        "from": "2027-03-16T00:00:00Z", "to": "2027-03-18T00:00:00Z",
        "buckets": [
            {"start": "2027-03-15T23:00:00Z", **empty},
            {"start": "2027-03-16T23:00:00Z", **sums},
            {"start": "2027-03-17T23:00:00Z", **empty},
        ],
    }  # fmt: skip


def test_by_default_a_report_has_days_in_the_brands_time_zone_until_now(server: Client, brand: Brand) -> None:
    coupon = create_coupon(brand, start_date=timezone.now() - timedelta(days=2))
    store_redemptions(build_redemption(coupon, timezone.now() - timedelta(seconds=1)))

    report = server.get(url_of(coupon)).json()

    assert (report["unit"], report["tz"], report["total"]) == ("day", "Europe/Madrid", 1)
    assert len(report["buckets"]) in {3, 4}  # 4 if the clocks were set back
    assert report["buckets"][-1]["redemptions"] == 1


def test_a_brands_report_sums_its_coupons(server: Client, brand: Brand, coupon: CouponDefinition) -> None:
    store_redemptions(
        build_redemption(coupon, NOON),
        build_redemption(create_coupon(brand), NOON),
        build_redemption(create_coupon(), NOON),
    )

    report = server.get("/api/v1/coupons/report/", {"unit": "month", "tz": "UTC", **BOTH_DAYS}).json()

    assert (report["total"], [bucket["redemptions"] for bucket in report["buckets"]]) == (2, [2])


def test_a_report_is_returned_as_csv_if_accepted(server: Client, coupon: CouponDefinition) -> None:
    store_redemptions(build_redemption(coupon, NOON), build_redemption(coupon, NOON, currency="JPY", amount=3))

    response = server.get(url_of(coupon), {"unit": "day", **BOTH_DAYS}, headers={"Accept": "text/csv"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="coupon-{coupon.pk}-day.csv"'
    header, *rows = csv.reader(io.StringIO(b"".join(response).decode()))
    assert header[:3] == ["start", "local", "redemptions"]
    assert len(rows) == 3
    assert rows[1] == [
        "2027-03-16T23:00:00Z", "2027-03-17T00:00+01:00", "2", "0", "0", "1.00", "EUR", "EUR 1.00, JPY 3",
    ]  # fmt: skip


def test_dates_are_days_of_the_reports_time_zone(server: Client, coupon: CouponDefinition) -> None:
    days = {"from": "2027-03-28", "to": "2027-03-29"}

    madrid = server.get(url_of(coupon), {"tz": "Europe/Madrid", **days}).json()
    tokyo = server.get(url_of(coupon), {"tz": "Asia/Tokyo", **days}).json()

    assert (madrid["from"], madrid["to"]) == ("2027-03-27T23:00:00Z", "2027-03-29T22:00:00Z")  # 23 and 24 hours
    assert (tokyo["from"], tokyo["to"]) == ("2027-03-27T15:00:00Z", "2027-03-29T15:00:00Z")
    assert [len(report["buckets"]) for report in (madrid, tokyo)] == [2, 2]


def test_errors_are_problem_documents_for_csv_clients_too(server: Client, coupon: CouponDefinition) -> None:
    response = server.get(url_of(coupon), {"unit": "year"}, headers={"Accept": "text/csv"})

    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("unit", {"unit": "year"}),
        ("unit", {"unit": "hour", "from": "2020-01-01T00:00:00Z"}),
        ("tz", {"tz": "Mars/Olympus"}),
        ("tz", {"tz": "../../etc/passwd"}),
        ("tz", {"tz": ""}),
        ("from", {"from": "yesterday"}),
        ("from", {"from": "2027-02-29"}),
        ("from", {"from": "0001-01-01", "tz": "Pacific/Kiritimati"}),
        ("to", {"to": "9999-12-31", "tz": "Pacific/Pago_Pago"}),
        ("from", {"from": "2027-03-17T12:00:00"}),
        ("from", {"from": "0001-01-01T00:00:00+14:00"}),
        ("from", {"from": "1999-01-01T00:00:00Z"}),
        ("to", {"to": "9999-12-31T23:59:59-14:00"}),
        ("to", {"to": "2201-01-01T00:00:00Z"}),
        ("to", {"from": "2027-03-17T12:00:00Z", "to": "2027-03-17T11:59:59Z"}),
    ],
)
def test_invalid_queries_are_rejected_at_their_fields(
    server: Client, coupon: CouponDefinition, field: str, query: dict[str, str]
) -> None:
    response = server.get(url_of(coupon), query)

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_viewers_read_reports_and_shoppers_and_other_brands_do_not(
    shopper_client: ClientOf, coupon: CouponDefinition
) -> None:
    viewer = shopper_client(MembershipFactory(brand=coupon.brand, role=Role.VIEWER).user)
    other_staff = shopper_client(MembershipFactory().user)

    assert viewer.get(url_of(coupon)).status_code == 200
    assert other_staff.get(url_of(coupon)).status_code == 404
    assert shopper_client(ShopperFactory()).get(url_of(coupon)).status_code == 403
    assert shopper_client(ShopperFactory()).get("/api/v1/coupons/report/").status_code == 403


def test_staff_of_several_brands_name_one(shopper_client: ClientOf, coupon: CouponDefinition) -> None:
    member = MembershipFactory(brand=coupon.brand)
    MembershipFactory(user=member.user)
    client = shopper_client(member.user)

    assert client.get("/api/v1/coupons/report/").json()["errors"][0]["field"] == "brand"
    assert client.get("/api/v1/coupons/report/", {"brand": "billo"}).status_code == 200
    assert client.get("/api/v1/coupons/report/", {"brand": "another\0"}).status_code in {400, 403}


def test_reports_have_their_own_rate_limit(server: Client, coupon: CouponDefinition, settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"report": "2/minute"}

    codes = [server.get(url_of(coupon), BOTH_DAYS).status_code for _ in range(3)]

    assert codes == [200, 200, 429]
    assert server.get("/api/v1/me/").status_code != 429


@pytest.mark.parametrize("coupons", [1, 30])
def test_the_number_of_queries_does_not_grow_with_the_data(
    server: Client, brand: Brand, coupon: CouponDefinition, coupons: int
) -> None:
    for other in (create_coupon(brand) for _ in range(coupons)):
        store_redemptions(
            *(build_redemption(other, NOON + timedelta(minutes=minutes)) for minutes in range(0, coupons * 30, 15))
        )
    server.get("/api/v1/coupons/report/")  # the first use of the key is recorded

    with CaptureQueriesContext(connection) as captured:
        assert server.get(url_of(coupon), BOTH_DAYS).status_code == 200
    assert len(captured) <= 4  # the key, its brand, the coupon, the report

    with CaptureQueriesContext(connection) as captured:
        assert server.get("/api/v1/coupons/report/", BOTH_DAYS).status_code == 200
    assert len(captured) <= 4


# --- codes -----------------------------------------------------------------------------------------------------------
BRAND_REPORT = "/api/v1/coupons/report/"


def create_single_use_code(coupon: CouponDefinition, text: str) -> str:
    """Create a code with a returned and a released redemption a day before ``NOON``, and a confirmed one at it."""
    batch = CodeBatch.objects.create(kind="coupon", brand=coupon.brand, offer=coupon.pk, count=1)
    CodeFactory(text=text, brand=coupon.brand, kind="coupon", offer=coupon.pk, batch=batch, single_use=True)
    day = timedelta(days=1)
    *_, active = store_redemptions(
        build_redemption(coupon, NOON - day, RedemptionStatus.RETURNED, code=text),
        build_redemption(coupon, NOON - day, RedemptionStatus.RELEASED, code=text),
        build_redemption(coupon, NOON, code=text, amount=250),
    )
    RedeemedCode.objects.create(coupon_id=active.coupon_id, code=text, redemption_id=active.pk)
    return text


def test_a_single_use_code_has_its_own_report(server: Client, coupon: CouponDefinition) -> None:
    first = create_single_use_code(coupon, "ONCE-1")
    create_single_use_code(coupon, "ONCE-2")
    store_redemptions(build_redemption(coupon, NOON))
    roll_up_now()

    report = server.get(BRAND_REPORT, {"code": first.lower(), **BOTH_DAYS, "tz": "UTC"}).json()

    names = ("redemptions", "released", "refunded", "discount_total")
    sums = [tuple(bucket[name] for name in names) for bucket in report["buckets"]]
    assert sums == [(1, 2, 1, "0.00"), (1, 0, 0, "2.50")]
    assert (report["total"], report["totals"]["discount_totals"]) == (2, {"EUR": "2.50"})


def test_the_edges_of_a_codes_report_are_exact(server: Client, coupon: CouponDefinition) -> None:
    code = create_single_use_code(coupon, "ONCE-1")

    def total(start: datetime, end: datetime) -> int:
        query = {"code": code, "from": start.isoformat(), "to": end.isoformat()}
        return int(server.get(BRAND_REPORT, query).json()["total"])

    second = timedelta(seconds=1)
    assert total(NOON, NOON + second) == total(NOON - second, NOON + second) == 1
    assert total(NOON - second, NOON) == total(NOON + second, NOON + 2 * second) == total(NOON, NOON) == 0


def test_a_codes_report_starts_at_its_first_redemption(server: Client, coupon: CouponDefinition) -> None:
    code = create_single_use_code(coupon, "ONCE-1")

    with time_machine.travel(NOON + timedelta(days=2)):
        report = server.get(BRAND_REPORT, {"code": code}).json()

    assert (report["from"], report["total"]) == ("2027-03-16T12:00:00Z", 2)


def test_the_report_of_a_generic_code_is_that_of_its_coupon(server: Client, brand: Brand) -> None:
    coupon = create_coupon(brand, code="SUMMER")
    CodeFactory(text="SUMMER", brand=brand, kind="coupon", offer=coupon.pk)
    store_redemptions(
        build_redemption(coupon, NOON),
        build_redemption(coupon, NOON, code="SUMMER"),
        build_redemption(create_coupon(brand), NOON),
    )

    response = server.get(BRAND_REPORT, {"code": "summer", **BOTH_DAYS})

    assert response.json() == server.get(url_of(coupon), BOTH_DAYS).json()
    assert response.json()["total"] == 2


def test_unknown_codes_and_codes_of_other_brands_get_the_same_answer(server: Client, coupon: CouponDefinition) -> None:
    create_single_use_code(create_coupon(), "THEIRS-1")
    DiscountCodeFactory(text="NO-COUPON", brand=coupon.brand)
    for code in ("", "!", "x" * 65):
        assert server.get(BRAND_REPORT, {"code": code}).json()["errors"][0]["field"] == "code"

    responses = [server.get(BRAND_REPORT, {"code": code}) for code in ("THEIRS-1", "UNKNOWN", "NO-COUPON")]

    assert {response.status_code for response in responses} == {400}
    assert len({response.content for response in responses}) == 1
    assert responses[0].json()["errors"][0]["detail"] == "No coupon of the brand has this code."


def test_a_codes_report_is_available_as_csv(server: Client, coupon: CouponDefinition) -> None:
    code = create_single_use_code(coupon, "ONCE-1")

    response = server.get(BRAND_REPORT, {"code": code, **BOTH_DAYS}, headers={"Accept": "text/csv"})

    assert "code-ONCE-1-day.csv" in response["Content-Disposition"]
    content = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    assert sum(int(line["redemptions"]) for line in csv.DictReader(io.StringIO(content))) == 2

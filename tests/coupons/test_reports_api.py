"""Reports over HTTP."""

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
from coupons.models import CouponDefinition, RedeemedCode, Status
from coupons.services import rollup
from promotions.models import CodeBatch
from tests.coupons.builders import add, coupon_of, row
from tests.factories import BrandFactory, CodeFactory, DiscountCodeFactory, MembershipFactory, ShopperFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Any], Client]
NOON = datetime(2027, 3, 17, 12, tzinfo=UTC)
BOTH_DAYS = {"from": "2027-03-16T00:00:00Z", "to": "2027-03-18T00:00:00Z"}


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    return made


@pytest.fixture
def coupon(brand: Brand) -> CouponDefinition:
    return coupon_of(brand)


@pytest.fixture
def server(brand_client: ClientOf, brand: Brand) -> Client:
    return brand_client(brand)


def path(coupon: CouponDefinition) -> str:
    return f"/api/v1/coupons/{coupon.pk}/report/"


def test_a_report_has_the_contracts_shape(server: Client, coupon: CouponDefinition) -> None:
    add(row(coupon, NOON), row(coupon, NOON, Status.REFUNDED), row(coupon, NOON, currency="JPY", amount=3))
    rollup.roll_up()

    response = server.get(path(coupon), {"unit": "day", "tz": "Europe/Madrid", **BOTH_DAYS})

    assert response.status_code == 200
    nothing = {"redemptions": 0, "released": 0, "refunded": 0, "discount_total": "0.00", "discount_totals": {}}
    something = {
        "redemptions": 3, "released": 1, "refunded": 1, "discount_total": "1.00",
        "discount_totals": {"EUR": "1.00", "JPY": "3"},
    }  # fmt: skip
    assert response.json() == {
        "total": 3, "totals": something, "unit": "day", "tz": "Europe/Madrid", "currency": "EUR",
        "from": "2027-03-16T00:00:00Z", "to": "2027-03-18T00:00:00Z",
        "buckets": [
            {"start": "2027-03-15T23:00:00Z", **nothing},
            {"start": "2027-03-16T23:00:00Z", **something},
            {"start": "2027-03-17T23:00:00Z", **nothing},
        ],
    }  # fmt: skip


def test_what_is_not_said_is_days_in_the_brands_zone_of_all_its_life(server: Client, brand: Brand) -> None:
    coupon = coupon_of(brand, start_date=timezone.now() - timedelta(days=2))
    add(row(coupon, timezone.now() - timedelta(seconds=1)))

    told = server.get(path(coupon)).json()

    assert (told["unit"], told["tz"], told["total"]) == ("day", "Europe/Madrid", 1)
    assert len(told["buckets"]) in {3, 4}  # with the day on which the clocks were put back
    assert told["buckets"][-1]["redemptions"] == 1


def test_a_brands_report_sums_its_coupons_up(server: Client, brand: Brand, coupon: CouponDefinition) -> None:
    add(row(coupon, NOON), row(coupon_of(brand), NOON), row(coupon_of(), NOON))

    told = server.get("/api/v1/coupons/report/", {"unit": "month", "tz": "UTC", **BOTH_DAYS}).json()

    assert (told["total"], [bucket["redemptions"] for bucket in told["buckets"]]) == (2, [2])


def test_a_report_is_a_table_for_who_accepts_csv(server: Client, coupon: CouponDefinition) -> None:
    add(row(coupon, NOON), row(coupon, NOON, currency="JPY", amount=3))

    response = server.get(path(coupon), {"unit": "day", **BOTH_DAYS}, headers={"Accept": "text/csv"})

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="coupon-{coupon.pk}-day.csv"'
    header, *rows = csv.reader(io.StringIO(b"".join(response).decode()))
    assert header[:3] == ["start", "local", "redemptions"]
    assert len(rows) == 3
    assert rows[1] == [
        "2027-03-16T23:00:00Z", "2027-03-17T00:00+01:00", "2", "0", "0", "1.00", "EUR", "EUR 1.00, JPY 3",
    ]  # fmt: skip


def test_a_day_is_that_of_the_reports_time_zone(server: Client, coupon: CouponDefinition) -> None:
    asked = {"from": "2027-03-28", "to": "2027-03-29"}

    madrid = server.get(path(coupon), {"tz": "Europe/Madrid", **asked}).json()
    tokyo = server.get(path(coupon), {"tz": "Asia/Tokyo", **asked}).json()

    assert (madrid["from"], madrid["to"]) == ("2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z")  # of 23 hours
    assert (tokyo["from"], tokyo["to"]) == ("2027-03-27T15:00:00Z", "2027-03-28T15:00:00Z")
    assert [len(report["buckets"]) for report in (madrid, tokyo)] == [1, 1]


def test_what_is_refused_is_a_problem_for_who_accepts_csv_too(server: Client, coupon: CouponDefinition) -> None:
    response = server.get(path(coupon), {"unit": "year"}, headers={"Accept": "text/csv"})

    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("field", "asked"),
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
def test_what_makes_no_sense_is_refused_at_its_field(
    server: Client, coupon: CouponDefinition, field: str, asked: dict[str, str]
) -> None:
    response = server.get(path(coupon), asked)

    assert response.status_code == 400
    assert [fault["field"] for fault in response.json()["errors"]] == [field]


def test_a_viewer_reads_and_shoppers_and_strangers_do_not(shopper_client: ClientOf, coupon: CouponDefinition) -> None:
    viewer = shopper_client(MembershipFactory(brand=coupon.brand, role=Role.VIEWER).user)
    stranger = shopper_client(MembershipFactory().user)

    assert viewer.get(path(coupon)).status_code == 200
    assert stranger.get(path(coupon)).status_code == 404
    assert shopper_client(ShopperFactory()).get(path(coupon)).status_code == 403
    assert shopper_client(ShopperFactory()).get("/api/v1/coupons/report/").status_code == 403


def test_who_works_for_several_brands_names_one(shopper_client: ClientOf, coupon: CouponDefinition) -> None:
    member = MembershipFactory(brand=coupon.brand)
    MembershipFactory(user=member.user)
    client = shopper_client(member.user)

    assert client.get("/api/v1/coupons/report/").json()["errors"][0]["field"] == "brand"
    assert client.get("/api/v1/coupons/report/", {"brand": "billo"}).status_code == 200
    assert client.get("/api/v1/coupons/report/", {"brand": "another\0"}).status_code in {400, 403}


def test_reports_have_a_limit_of_their_own(server: Client, coupon: CouponDefinition, settings: Any) -> None:
    settings.THROTTLES = settings.THROTTLES | {"report": "2/minute"}

    codes = [server.get(path(coupon), BOTH_DAYS).status_code for _ in range(3)]

    assert codes == [200, 200, 429]
    assert server.get("/api/v1/me/").status_code != 429


@pytest.mark.parametrize("coupons", [1, 30])
def test_a_report_asks_for_the_same_few_things_however_much_there_is(
    server: Client, brand: Brand, coupon: CouponDefinition, coupons: int
) -> None:
    for one in (coupon_of(brand) for _ in range(coupons)):
        add(*(row(one, NOON + timedelta(minutes=minutes)) for minutes in range(0, coupons * 30, 15)))
    server.get("/api/v1/coupons/report/")  # the key's first use, which is noted

    with CaptureQueriesContext(connection) as captured:
        assert server.get(path(coupon), BOTH_DAYS).status_code == 200
    assert len(captured) <= 4  # the key, its brand, the coupon, the report

    with CaptureQueriesContext(connection) as captured:
        assert server.get("/api/v1/coupons/report/", BOTH_DAYS).status_code == 200
    assert len(captured) <= 4


# --- of a code -------------------------------------------------------------------------------------------------------
BRANDS = "/api/v1/coupons/report/"


def good_once(coupon: CouponDefinition, text: str) -> str:
    """A code of the coupon that was refunded the day before ``NOON``, was let go of, and stands since ``NOON``."""
    batch = CodeBatch.objects.create(kind="coupon", brand=coupon.brand, count=1)
    CodeFactory(text=text, brand=coupon.brand, kind="coupon", batch=batch, single_use=True)
    day = timedelta(days=1)
    *_, stands = add(
        row(coupon, NOON - day, Status.REFUNDED, code=text),
        row(coupon, NOON - day, Status.RELEASED, code=text),
        row(coupon, NOON, code=text, amount=250),
    )
    RedeemedCode.objects.create(code=text, redemption_id=stands.pk)
    return text


def test_a_code_that_is_good_once_has_a_report_of_its_own(server: Client, coupon: CouponDefinition) -> None:
    first = good_once(coupon, "ONCE-1")
    good_once(coupon, "ONCE-2")
    add(row(coupon, NOON))
    rollup.roll_up()

    report = server.get(BRANDS, {"code": first.lower(), **BOTH_DAYS, "tz": "UTC"}).json()

    found = [(it["redemptions"], it["released"], it["refunded"], it["discount_total"]) for it in report["buckets"]]
    assert found == [(1, 2, 1, "0.00"), (1, 0, 0, "2.50")]
    assert (report["total"], report["totals"]["discount_totals"]) == (2, {"EUR": "2.50"})


def test_the_edges_of_a_codes_report_are_exact(server: Client, coupon: CouponDefinition) -> None:
    code = good_once(coupon, "ONCE-1")

    def total(first: datetime, until: datetime) -> int:
        asked = {"code": code, "from": first.isoformat(), "to": until.isoformat()}
        return int(server.get(BRANDS, asked).json()["total"])

    second = timedelta(seconds=1)
    assert total(NOON, NOON + second) == total(NOON - second, NOON + second) == 1
    assert total(NOON - second, NOON) == total(NOON + second, NOON + 2 * second) == total(NOON, NOON) == 0


def test_a_codes_report_begins_with_its_first_redemption(server: Client, coupon: CouponDefinition) -> None:
    code = good_once(coupon, "ONCE-1")

    with time_machine.travel(NOON + timedelta(days=2)):
        report = server.get(BRANDS, {"code": code}).json()

    assert (report["from"], report["total"]) == ("2027-03-16T12:00:00Z", 2)


def test_a_code_for_everyone_stands_for_its_coupon(server: Client, brand: Brand) -> None:
    coupon = coupon_of(brand, code=CodeFactory(text="SUMMER", brand=brand, kind="coupon"))
    add(row(coupon, NOON), row(coupon, NOON, code="SUMMER"), row(coupon_of(brand), NOON))

    asked = server.get(BRANDS, {"code": "summer", **BOTH_DAYS})

    assert asked.json() == server.get(path(coupon), BOTH_DAYS).json()
    assert asked.json()["total"] == 2


def test_a_code_of_nobody_and_one_of_another_brand_are_refused_alike(server: Client, coupon: CouponDefinition) -> None:
    theirs = coupon_of()
    good_once(theirs, "THEIRS-1")
    DiscountCodeFactory(text="NO-COUPON", brand=coupon.brand)
    for code in ("", "!", "x" * 65):
        assert server.get(BRANDS, {"code": code}).json()["errors"][0]["field"] == "code"

    answers = [server.get(BRANDS, {"code": code}) for code in ("THEIRS-1", "NOBODYS", "NO-COUPON")]

    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["errors"][0]["detail"] == "No coupon of the brand has this code."


def test_a_codes_report_is_a_table_too(server: Client, coupon: CouponDefinition) -> None:
    code = good_once(coupon, "ONCE-1")

    answer = server.get(BRANDS, {"code": code, **BOTH_DAYS}, headers={"Accept": "text/csv"})

    assert "code-ONCE-1-day.csv" in answer["Content-Disposition"]
    written = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert sum(int(line["redemptions"]) for line in csv.DictReader(io.StringIO(written))) == 2

"""The report's page in the admin."""

import csv
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from backoffice.base.charts import build_chart
from coupons.models import CouponDefinition, Status
from coupons.services import rollup
from promotions.models import CodeBatch
from tests.coupons.builders import add, coupon_of, row
from tests.factories import BrandFactory, CodeFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
PAGE = "/admin/coupons/report/"
ClientOf = Callable[[Any], Client]


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    return made


@pytest.fixture
def coupon(brand: Brand) -> CouponDefinition:
    """A coupon with a redemption yesterday, and today one, a refund and a reservation that ended unused."""
    made = coupon_of(brand, title="Winter")
    now = timezone.now() - timedelta(seconds=1)
    yesterday = now - timedelta(days=1)
    add(row(made, yesterday), row(made, now), row(made, now, Status.REFUNDED), row(made, now, Status.EXPIRED))
    rollup.roll_up()
    return made


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def viewer(brand: Brand) -> Client:
    return signed_in(MembershipFactory(brand=brand, role=Role.VIEWER).user)


def cards(client: Client, **asked: str) -> dict[str, str]:
    return {name: value for name, value, _ in client.get(PAGE, asked).context["cards"]}


def test_a_viewer_sees_the_last_days_of_all_coupons(viewer: Client, coupon: CouponDefinition) -> None:
    page = viewer.get(PAGE)

    assert page.status_code == 200
    assert {name: value for name, value, _ in page.context["cards"]} == {
        "Redemptions": "3", "Taken off": "€2.00", "Refunded": "1", "Unused": "1",
    }  # fmt: skip
    assert len(page.context["rows"]) == 30
    assert page.context["rows"][0]["redemptions"] in {"2", "3"}  # the newest first; a second ago may be yesterday
    assert page.context["chart"].summary.startswith("3 redemptions in this time; most on ")
    assert "All coupons of Billo" in page.content.decode()
    assert page.content.decode().count("<rect ") == 30


def test_one_coupon_is_chosen_by_its_title(viewer: Client, brand: Brand, coupon: CouponDefinition) -> None:
    other = coupon_of(brand, title="Summer")
    add(row(other, timezone.now() - timedelta(seconds=1)))

    assert cards(viewer)["Redemptions"] == "4"
    assert cards(viewer, coupon=str(other.pk))["Redemptions"] == "1"
    assert (
        f'<option value="{other.pk}" selected>Summer</option>'
        in viewer.get(PAGE, {"coupon": str(other.pk)}).content.decode()
    )


def test_the_table_is_a_file_too(viewer: Client, coupon: CouponDefinition) -> None:
    page = viewer.get(PAGE, {"coupon": str(coupon.pk), "unit": "week", "zone": "Asia/Kathmandu"})
    link = f"{PAGE}csv/?{page.context['link']}"
    assert link.replace("&", "&amp;") in page.content.decode()

    answer = viewer.get(link)
    rows = list(csv.DictReader(b"".join(answer).decode("utf-8-sig").splitlines()))

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert sum(int(line["redemptions"]) for line in rows) == 3
    assert all(line["local"].endswith("T00:00+05:45") for line in rows)


@pytest.mark.parametrize("unit", ["hour", "day", "week", "month"])
def test_every_unit_is_shown(viewer: Client, coupon: CouponDefinition, unit: str) -> None:
    assert cards(viewer, unit=unit)["Redemptions"] == "3"


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("unit", {"unit": "year"}),
        ("unit", {"unit": "hour", "since": "2026-01-01", "until": "2026-03-01"}),
        ("unit", {"unit": "hour", "since": "2010-01-01"}),
        ("since", {"since": "soon"}),
        ("since", {"since": ""}),
        ("since", {"since": "1999-12-31"}),
        ("since", {"since": "0001-01-01"}),
        ("until", {"until": "9999-12-31"}),
        ("until", {"since": "2027-01-02", "until": "2027-01-01"}),
        ("zone", {"zone": "Mars/Olympus"}),
        ("coupon", {"coupon": "none"}),
        ("coupon", {"coupon": "00000000-0000-7000-8000-000000000000"}),
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(viewer: Client, field: str, asked: dict[str, str]) -> None:
    page = viewer.get(PAGE, asked)

    assert page.status_code == 200
    assert field in page.context["form"].errors
    assert page.context["report"] is None
    assert viewer.get(f"{PAGE}csv/", asked)["Content-Type"].startswith(("text/html", "text/csv"))


def test_days_that_have_not_come_yet_have_no_lines(viewer: Client, coupon: CouponDefinition) -> None:
    page = viewer.get(PAGE, {"since": "2100-01-01", "until": "2100-01-05"})

    assert page.context["rows"] == []
    assert "This time has not come yet." in page.content.decode()


def test_another_brands_coupon_is_not_there(viewer: Client, coupon: CouponDefinition) -> None:
    theirs = coupon_of(title="SECRET")
    add(row(theirs, timezone.now() - timedelta(seconds=1)))

    page = viewer.get(PAGE, {"coupon": str(theirs.pk), "brand": theirs.brand.slug})

    assert page.context["form"].errors.keys() == {"coupon"}
    assert "SECRET" not in page.content.decode()
    assert cards(viewer, brand=theirs.brand.slug)["Redemptions"] == "3"


def test_who_has_no_brand_sees_nothing_and_who_has_all_chooses(brand: Brand, coupon: CouponDefinition) -> None:
    other: Brand = BrandFactory(slug="aaa", name="Aaa")
    root = signed_in(UserFactory(is_superuser=True))

    assert signed_in(UserFactory()).get(PAGE).status_code in {302, 403}
    assert root.get(PAGE).context["form"].whose == other
    assert cards(root)["Redemptions"] == "0"
    assert cards(root, brand="billo")["Redemptions"] == "3"
    assert cards(root, coupon=str(coupon.pk))["Redemptions"] == "3"
    assert root.post(PAGE).status_code == 405


def test_a_page_costs_the_same_however_many_coupons_there_are(
    viewer: Client, brand: Brand, coupon: CouponDefinition
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert viewer.get(PAGE).status_code == 200
        return len(captured)

    before = cost()
    for one in (coupon_of(brand) for _ in range(10)):
        add(row(one, timezone.now() - timedelta(minutes=5)))
    assert cost() == before


@pytest.mark.parametrize("number", [1, 30, 800])
def test_bars_fit_their_chart_however_many(number: int) -> None:
    chart = build_chart([(f"day {n}", n) for n in range(number)], unit="uses", period="in all")

    assert len(chart.bars) == number
    assert chart.width <= 800
    assert chart.bars[-1].x + chart.thickness <= chart.width
    assert all(one.x + chart.thickness <= other.x for one, other in zip(chart.bars, chart.bars[1:], strict=False))
    assert len(chart.ticks) <= 9


def test_a_code_is_reported_alone(viewer: Client, brand: Brand, coupon: CouponDefinition) -> None:
    batch = CodeBatch.objects.create(kind="coupon", brand=brand, count=1)
    CodeFactory(text="ONCE-1", brand=brand, kind="coupon", batch=batch, single_use=True)
    add(row(coupon, timezone.now() - timedelta(seconds=1), Status.REFUNDED, code="ONCE-1"))

    page = viewer.get(PAGE, {"code": "once-1"})

    assert {name: value for name, value, _ in page.context["cards"]}["Redemptions"] == "1"
    assert "Code ONCE-1" in page.content.decode()
    written = b"".join(viewer.get(f"{PAGE}csv/?{page.context['link']}").streaming_content)  # type: ignore[attr-defined]
    assert sum(int(it["redemptions"]) for it in csv.DictReader(written.decode("utf-8-sig").splitlines())) == 1


def test_a_code_that_is_not_the_brands_is_said_to_be_none(viewer: Client, coupon: CouponDefinition) -> None:
    CodeFactory(text="THEIRS", kind="coupon")
    for code, said in (("THEIRS", "No coupon of the brand has this code."), ("!", "A code is 3 to 64")):
        page = viewer.get(PAGE, {"code": code})
        assert said in page.context["form"].errors["code"][0]
        assert page.context["report"] is None

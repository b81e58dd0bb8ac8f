"""Admin page of reports."""

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
from backoffice.base.charts import build_chart, describe_redemptions
from coupons.models import CouponDefinition
from redemptions.codes.models import CodeBatch
from redemptions.codes.rules import CODE_FORMAT_MESSAGE
from redemptions.statuses import RedemptionStatus
from tests.coupons.builders import build_redemption, create_coupon, store_redemptions
from tests.factories import BrandFactory, CodeFactory, MembershipFactory, UserFactory
from tests.redemptions.events import roll_up_now

pytestmark = pytest.mark.django_db
PAGE = "/admin/coupons/report/"
ClientOf = Callable[[Any], Client]


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")
    return brand


@pytest.fixture
def coupon(brand: Brand) -> CouponDefinition:
    """A coupon with a redemption yesterday and one today, a return and an expired reservation."""
    coupon = create_coupon(brand, title="Winter")
    now = timezone.now() - timedelta(seconds=1)
    yesterday = now - timedelta(days=1)
    store_redemptions(
        build_redemption(coupon, yesterday),
        build_redemption(coupon, now),
        build_redemption(coupon, now, RedemptionStatus.RETURNED),
        build_redemption(coupon, now, RedemptionStatus.EXPIRED),
    )
    roll_up_now()
    return coupon


def log_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def viewer(brand: Brand) -> Client:
    return log_in(MembershipFactory(brand=brand, role=Role.VIEWER).user)


def cards(client: Client, **parameters: str) -> dict[str, str]:
    return {label: number for label, number, _note in client.get(PAGE, parameters).context["cards"]}


def test_a_viewer_sees_the_last_30_days_of_all_coupons(viewer: Client, coupon: CouponDefinition) -> None:
    page = viewer.get(PAGE)

    assert page.status_code == 200
    assert {label: number for label, number, _note in page.context["cards"]} == {
        "Redemptions": "3", "Discount": "€2.00", "Returned": "1", "Expired or released": "1",
    }  # fmt: skip
    assert len(page.context["rows"]) == 30
    assert page.context["rows"][0]["redemptions"] in {"2", "3"}  # newest first; a second ago may be yesterday
    assert page.context["chart"].summary.startswith("3 redemptions in this period, most on ")
    assert "All coupons of Billo" in page.content.decode()
    assert page.content.decode().count("<rect ") == 30


def test_a_coupon_is_selected_by_its_title(viewer: Client, brand: Brand, coupon: CouponDefinition) -> None:
    other = create_coupon(brand, title="Summer")
    store_redemptions(build_redemption(other, timezone.now() - timedelta(seconds=1)))

    assert cards(viewer)["Redemptions"] == "4"
    assert cards(viewer, coupon=str(other.pk))["Redemptions"] == "1"
    assert (
        f'<option value="{other.pk}" selected>Summer</option>'
        in viewer.get(PAGE, {"coupon": str(other.pk)}).content.decode()
    )


def test_the_report_can_be_exported_as_csv(viewer: Client, coupon: CouponDefinition) -> None:
    page = viewer.get(PAGE, {"coupon": str(coupon.pk), "unit": "week", "timezone": "Asia/Kathmandu"})
    link = f"{PAGE}csv/?{page.context['link']}"
    assert link.replace("&", "&amp;") in page.content.decode()

    response = viewer.get(link)
    rows = list(csv.DictReader(b"".join(response).decode("utf-8-sig").splitlines()))

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert sum(int(line["redemptions"]) for line in rows) == 3
    assert all(line["local"].endswith("T00:00+05:45") for line in rows)


@pytest.mark.parametrize("unit", ["hour", "day", "week", "month"])
def test_every_interval_is_supported(viewer: Client, coupon: CouponDefinition, unit: str) -> None:
    assert cards(viewer, unit=unit)["Redemptions"] == "3"


@pytest.mark.parametrize(
    ("field", "parameters"),
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
        ("timezone", {"timezone": "Mars/Olympus"}),
        ("coupon", {"coupon": "none"}),
        ("coupon", {"coupon": "00000000-0000-7000-8000-000000000000"}),
    ],
)
def test_invalid_values_are_reported_at_their_fields(viewer: Client, field: str, parameters: dict[str, str]) -> None:
    page = viewer.get(PAGE, parameters)

    assert page.status_code == 200
    assert field in page.context["form"].errors
    assert page.context["report"] is None
    assert viewer.get(f"{PAGE}csv/", parameters)["Content-Type"].startswith(("text/html", "text/csv"))


def test_a_period_in_the_future_has_no_rows(viewer: Client, coupon: CouponDefinition) -> None:
    page = viewer.get(PAGE, {"since": "2100-01-01", "until": "2100-01-05"})

    assert page.context["rows"] == []
    assert "The period is in the future." in page.content.decode()


def test_a_coupon_of_another_brand_is_not_found(viewer: Client, coupon: CouponDefinition) -> None:
    other_coupon = create_coupon(title="SECRET")
    store_redemptions(build_redemption(other_coupon, timezone.now() - timedelta(seconds=1)))

    page = viewer.get(PAGE, {"coupon": str(other_coupon.pk), "brand": other_coupon.brand.slug})

    assert page.context["form"].errors.keys() == {"coupon"}
    assert "SECRET" not in page.content.decode()
    assert cards(viewer, brand=other_coupon.brand.slug)["Redemptions"] == "3"


def test_users_without_a_brand_see_nothing_and_superusers_select_one(brand: Brand, coupon: CouponDefinition) -> None:
    other_brand: Brand = BrandFactory(slug="aaa", name="Aaa")
    superuser = log_in(UserFactory(is_superuser=True))

    assert log_in(UserFactory()).get(PAGE).status_code in {302, 403}
    assert superuser.get(PAGE).context["form"].selected_brand == other_brand
    assert cards(superuser)["Redemptions"] == "0"
    assert cards(superuser, brand="billo")["Redemptions"] == "3"
    assert cards(superuser, coupon=str(coupon.pk))["Redemptions"] == "3"
    assert superuser.post(PAGE).status_code == 405


def test_the_number_of_queries_does_not_grow_with_the_coupons(
    viewer: Client, brand: Brand, coupon: CouponDefinition
) -> None:
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert viewer.get(PAGE).status_code == 200
        return len(captured)

    before = count_queries()
    for other in (create_coupon(brand) for _ in range(10)):
        store_redemptions(build_redemption(other, timezone.now() - timedelta(minutes=5)))
    assert count_queries() == before


@pytest.mark.parametrize("number", [1, 30, 800])
def test_any_number_of_bars_fits_the_chart(number: int) -> None:
    chart = build_chart([(f"day {n}", n) for n in range(number)], describe=describe_redemptions, period="in total")

    assert len(chart.bars) == number
    assert chart.width <= 800
    assert chart.bars[-1].x + chart.thickness <= chart.width
    assert all(bar.x + chart.thickness <= after.x for bar, after in zip(chart.bars, chart.bars[1:], strict=False))
    assert len(chart.ticks) <= 9


def test_the_report_of_a_code_has_only_its_redemptions(viewer: Client, brand: Brand, coupon: CouponDefinition) -> None:
    batch = CodeBatch.objects.create(kind="coupon", brand=brand, offer=coupon.pk, count=1)
    CodeFactory(text="ONCE-1", brand=brand, kind="coupon", offer=coupon.pk, batch=batch, single_use=True)
    store_redemptions(
        build_redemption(coupon, timezone.now() - timedelta(seconds=1), RedemptionStatus.RETURNED, code="ONCE-1")
    )

    page = viewer.get(PAGE, {"code": "once-1"})

    assert {label: number for label, number, _note in page.context["cards"]}["Redemptions"] == "1"
    assert "Code ONCE-1" in page.content.decode()
    content = b"".join(viewer.get(f"{PAGE}csv/?{page.context['link']}").streaming_content)  # type: ignore[attr-defined]
    assert sum(int(line["redemptions"]) for line in csv.DictReader(content.decode("utf-8-sig").splitlines())) == 1


def test_an_unknown_code_is_reported_at_its_field(viewer: Client, coupon: CouponDefinition) -> None:
    CodeFactory(text="THEIRS", kind="coupon")
    for code, message in (("THEIRS", "No coupon of the brand has this code."), ("!", str(CODE_FORMAT_MESSAGE))):
        page = viewer.get(PAGE, {"code": code})
        assert message in page.context["form"].errors["code"][0]
        assert page.context["report"] is None

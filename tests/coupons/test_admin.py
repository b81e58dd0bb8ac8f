"""Admin pages of coupons."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand, User
from core.ids import uuid7
from coupons import services
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition
from redemptions.codes.models import CodeBatch
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/coupons/coupondefinition/"


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    return brand


def log_in_as(brand: Brand, role: Role = Role.OWNER) -> Client:
    return log_in(MembershipFactory(brand=brand, role=role).user)


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(brand: Brand) -> Client:
    return log_in_as(brand)


def url_of(coupon: CouponDefinition, path: str = "change/") -> str:
    return f"{LIST}{coupon.pk}/{path}"


def html_of(response: Any) -> str:
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def form_data(client: Client, path: str, **changes: str) -> dict[str, str]:
    """Return the form's data as a browser would send it, with these changes."""
    form = client.get(path).context["form"]
    html = "".join(str(field) for field in form)
    data = {}
    for tag in re.findall(r"<input[^>]*>", html):
        kind, name, value = (re.search(rf'\b{attribute}="([^"]*)"', tag) for attribute in ("type", "name", "value"))
        if name and (not kind or kind[1] not in ("checkbox", "radio") or "checked" in tag):
            data[name[1]] = value[1] if value else ""
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', html, re.DOTALL):
        selected = re.search(r'<option value="([^"]*)"[^>]*selected', options)
        selected = selected or re.search(r'<option value="([^"]*)"', options)
        data[name] = selected[1] if selected else ""
    return data | changes


def new_coupon_data(client: Client, **changes: str) -> dict[str, str]:
    values = {
        "title": "Summer",
        "start_date": "2027-06-01T00:00",
        "end_date": "2098-07-01T00:00",
        "offer-benefits-0-value": "20",
    }
    return form_data(client, f"{LIST}add/", **values | changes)


def redeem(coupon: CouponDefinition, *, minutes: int = 0) -> None:
    at = timezone.now()
    until = at + timedelta(minutes=minutes) if minutes else None
    request = RedemptionRequest(uuid7(), CustomerFactory().pk, reserved_until=until)
    services.redeem(coupon=coupon.pk, request=request, at=at)


def test_an_owner_creates_a_coupon(owner: Client, brand: Brand) -> None:
    limits = {"maximum_number_of_coupons": "50000", "maximum_number_of_coupons_per_user": "1", "code": "summer"}

    response = owner.post(f"{LIST}add/", new_coupon_data(owner, limit_strategy="sharded", **limits))

    coupon = CouponDefinition.objects.get()
    assert response["Location"] == url_of(coupon).replace("/change/", "/review/")
    assert coupon.decision == "draft"
    assert (coupon.brand, coupon.title, coupon.code, coupon.limit_strategy) == (brand, "Summer", "SUMMER", "sharded")
    assert (coupon.maximum_number_of_coupons, coupon.maximum_number_of_coupons_per_user) == (50_000, 1)
    assert coupon.start_date.isoformat() == "2027-05-31T22:00:00+00:00", "midnight in the brand's time zone"
    assert coupon.offer["benefits"][0]["value"] == "20"
    html = html_of(owner.get(url_of(coupon), follow=True))
    assert "Summer saved as a draft." in html
    assert "20% off" in html
    assert "up to 50,000" in html
    assert "up to 1, always exact" in html
    assert "Everyone, with code SUMMER" in html
    assert "Sharded (for busy checkouts)" in html


def test_a_few_single_use_codes_are_generated_at_once(owner: Client) -> None:
    owner.post(f"{LIST}add/", new_coupon_data(owner, count="30", pattern="ONE-########"))

    batch = CodeBatch.objects.get()
    assert (batch.generated_count, batch.pattern) == (30, "ONE-########")
    assert "Single-use codes (1 batch)" in html_of(owner.get(url_of(CouponDefinition.objects.get())))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": ""}, "title"),
        ({"end_date": "2027-05-01T00:00"}, "end_date"),
        ({"start_date": "0001-01-01T00:00"}, "start_date"),
        ({"maximum_number_of_coupons": "0"}, "maximum_number_of_coupons"),
        ({"maximum_number_of_coupons": "9" * 30}, "maximum_number_of_coupons"),
        ({"maximum_number_of_coupons": "20000000", "limit_strategy": "pool"}, "maximum_number_of_coupons"),
        ({"maximum_number_of_coupons_per_user": "-1"}, "maximum_number_of_coupons_per_user"),
        ({"limit_strategy": "lucky"}, "limit_strategy"),
        ({"code": "no code!"}, "code"),
        ({"code": "TAKEN"}, "code"),
        ({"code": "A\x00B"}, "code"),
        ({"code": "MINE", "count": "3"}, "count"),
        ({"count": "5000001"}, "count"),
        ({"count": "500", "pattern": "A-##"}, "pattern"),
        ({"offer-benefits-0-value": "0"}, "offer"),
        ({"offer-benefits-0-on": "shipping", "limit_units": "5"}, "limit_units"),
    ],
)
def test_invalid_values_are_reported_at_their_fields(
    changes: dict[str, str], field: str, owner: Client, brand: Brand
) -> None:
    CouponFactory(text="TAKEN", brand=brand)

    response = owner.post(f"{LIST}add/", new_coupon_data(owner, **changes))

    assert set(response.context["form"].errors) == {field}
    assert CouponDefinition.objects.count() == 1


def test_an_active_coupon_shows_metrics_and_the_fields_that_can_still_change(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, maximum_number_of_coupons=10)
    redeem(coupon)
    redeem(coupon, minutes=5)

    cards = {label: number for label, number, _note in owner.get(url_of(coupon, "metrics/")).context["cards"]}
    assert cards == {"Redeemed": "1", "Reserved": "1", "Remaining": "8"}
    assert 'hx-trigger="every 5s"' in html_of(owner.get(url_of(coupon)))
    assert "limit_strategy" not in owner.get(url_of(coupon)).context["form"].fields

    owner.post(url_of(coupon), form_data(owner, url_of(coupon), title="Longer", maximum_number_of_coupons="20"))
    coupon.refresh_from_db()
    assert (coupon.title, coupon.maximum_number_of_coupons) == ("Longer", 20)
    response = owner.post(url_of(coupon), form_data(owner, url_of(coupon), maximum_number_of_coupons="0"))
    assert set(response.context["form"].errors) == {"maximum_number_of_coupons"}


@pytest.mark.parametrize("strategy", ["exact", "sharded", "pool", "approximate"])
def test_the_list_shows_the_usage_in_a_constant_number_of_queries(
    strategy: str, owner: Client, brand: Brand, settings: Any
) -> None:
    settings.COUPON_PROCESSES = settings.COUPON_THREADS = 1
    limits = {"brand": brand, "maximum_number_of_coupons": 100, "limit_strategy": strategy}
    redeem(CouponFactory(**limits))
    CouponFactory(brand=brand)
    with CaptureQueriesContext(connection) as few:
        html = html_of(owner.get(LIST))
    for _ in range(5):
        CouponFactory(**limits)
    with CaptureQueriesContext(connection) as many:
        owner.get(LIST)

    assert "0 used, no limit" in html
    if strategy != "approximate":
        assert "1 used, 99 remaining" in html
    assert len(few) == len(many)


def test_a_pool_shows_how_many_units_are_prepared(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, maximum_number_of_coupons=5_000, limit_strategy="pool")

    cards = owner.get(url_of(coupon, "metrics/")).context["cards"]

    assert cards[-1] == ("Units prepared", "1,000", "of 5,000, in the background")


def test_a_coupon_is_paused_and_resumed(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)

    paused = owner.post(url_of(coupon, "status/pause/"), follow=True)
    coupon.refresh_from_db()
    assert coupon.decision == "paused"
    assert f"{coupon} paused." in html_of(paused)

    resumed = owner.post(url_of(coupon, "status/resume/"), follow=True)
    coupon.refresh_from_db()
    assert coupon.decision == "published"
    assert f"{coupon} resumed." in html_of(resumed)
    assert owner.post(url_of(coupon, "status/burn/")).status_code == 404


EXPECTED = "expected_redemptions_first_minute"
SHARDED, EXACT = "Recommended: <strong>Sharded</strong>", "Recommended: <strong>Exact</strong>"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({EXPECTED: "50000", "limit_strategy": "exact"}, SHARDED),
        ({EXPECTED: "50000", "limit_strategy": "sharded"}, "<strong>Sharded</strong> is a good choice"),
        ({EXPECTED: "7000", "limit_strategy": "exact", "redeemed_at_checkout": "on"}, SHARDED),
        ({EXPECTED: "7000", "limit_strategy": "exact", "redeemed_at_checkout": "on"}, "waiting at 7,000 orders"),
        ({EXPECTED: "1000", "limit_strategy": "pool"}, EXACT),
        ({"limit_strategy": "approximate"}, "May exceed the limit of 50,000 by at most"),
        ({"limit_strategy": "exact"}, "Never exceeds the limit."),
        ({"limit_strategy": "exact", "maximum_number_of_coupons": ""}, "the counting method has no effect"),
    ],
)
def test_a_counting_method_is_recommended_while_the_form_is_edited(
    values: dict[str, str], text: str, owner: Client
) -> None:
    html = html_of(owner.post(f"{LIST}recommendation/", {"maximum_number_of_coupons": "50000"} | values))

    assert text in html


@pytest.mark.parametrize("number", ["x", "-1", "9" * 40, "\x00", "٣", "1e9"])
def test_invalid_numbers_yield_no_recommendation(number: str, owner: Client) -> None:
    values = {EXPECTED: number, "limit_strategy": "nothing", "maximum_number_of_coupons": number}

    response = owner.post(f"{LIST}recommendation/", values)

    expected = {"guarantee": "", "recommended": "", "reason": "", "differs": ""}
    assert response.context["recommendation"] == expected


def test_codes_are_generated_with_progress_and_exported(
    owner: Client, brand: Brand, run_outbox: Callable[[], int]
) -> None:
    coupon = CouponFactory(brand=brand)
    data = {"count": "2000", "pattern": "FEST-########", "charset": "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"}

    batch_url = owner.post(url_of(coupon, "codes/generate/"), data)["Location"]
    html, progress_url = html_of(owner.get(batch_url)), f"{batch_url}progress/"
    assert "0 of 2,000 codes generated" in html
    assert "HX-Refresh" not in owner.get(progress_url)
    run_outbox()

    assert owner.get(progress_url)["HX-Refresh"] == "true"
    first_page = owner.get(batch_url)
    assert len(first_page.context["codes"]) == 100
    assert {str(row["status"]) for row in first_page.context["codes"]} == {"Available"}
    second_page = owner.get(f"{batch_url}?after={first_page.context['next_after']}")
    first_codes, second_codes = ({row["text"] for row in page.context["codes"]} for page in (first_page, second_page))
    assert not first_codes & second_codes
    lines = b"".join(owner.get(f"{batch_url}codes.csv")).decode().splitlines()
    assert (lines[0].removeprefix("\ufeff"), len(lines)) == ("code,customer_id,expires_at,status", 2_001)
    assert all(line.startswith("FEST-") and line.endswith(",,available") for line in lines[1:])
    assert "FEST-########" in html_of(owner.get(url_of(coupon, "codes/")))
    assert 'id="strength"' in html_of(owner.post(url_of(coupon, "codes/strength/"), data))


def test_an_invalid_batch_is_reported_at_its_field(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)

    response = owner.post(url_of(coupon, "codes/generate/"), {"count": "0", "pattern": "A-########", "charset": "AB"})

    assert "count" in response.context["generate_form"].errors
    assert not CodeBatch.objects.exists()


def test_a_viewer_reads_coupons_but_changes_nothing(brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)
    viewer = log_in_as(brand, Role.VIEWER)

    assert viewer.get(url_of(coupon)).context["form"] is None
    assert viewer.get(url_of(coupon, "codes/")).context["may_edit"] is False
    for path in ("change/", "status/pause/", "codes/generate/", "codes/import/", "codes/strength/"):
        assert viewer.post(url_of(coupon, path), {"title": "x"}).status_code == 403, path
    assert viewer.get(f"{LIST}add/").status_code == 403
    assert viewer.post(f"{LIST}recommendation/").status_code == 403


def test_coupons_of_other_brands_are_not_found(owner: Client) -> None:
    theirs = CouponFactory(title="Theirs")
    batch = services.add_codes(coupon=theirs, codes=services.CodesSpec(count=1), at=timezone.now())

    assert "Theirs" not in html_of(owner.get(LIST))
    for path in ("change/", "metrics/", "codes/", f"codes/{batch.pk}/", f"codes/{batch.pk}/codes.csv"):
        assert owner.get(url_of(theirs, path)).status_code in (302, 404), path
        assert "Theirs" not in str(owner.get(url_of(theirs, path), follow=True).content)
    assert owner.post(url_of(theirs, "status/pause/")).status_code == 404
    theirs.refresh_from_db()
    assert theirs.decision == "published"


def test_staff_of_several_brands_select_one_first(brand: Brand) -> None:
    BrandFactory(slug="cake")
    superuser = log_in(UserFactory(is_superuser=True))

    assert "Select a brand" in html_of(superuser.get(f"{LIST}add/"))
    assert superuser.get(f"{LIST}add/?brand=billo").context["brand"] == brand


@pytest.mark.parametrize(
    ("status", "label"), [("active", "Active"), ("scheduled", "Scheduled"), ("ended", "Ended"), ("paused", "Paused")]
)
def test_the_list_is_filtered_by_status(status: str, label: str, owner: Client, brand: Brand) -> None:
    now, day = timezone.now(), timedelta(days=1)
    CouponFactory(brand=brand, title="active")
    CouponFactory(brand=brand, title="scheduled", start_date=now + day)
    CouponFactory(brand=brand, title="ended", end_date=now - day)
    CouponFactory(brand=brand, title="paused", decision="paused")

    (coupon,) = owner.get(f"{LIST}?status={status}").context["cl"].result_list

    assert coupon.title == status
    assert label in html_of(owner.get(url_of(coupon)))

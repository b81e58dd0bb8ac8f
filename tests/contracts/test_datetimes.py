"""Whatever instant is sent or chosen, it is refused or every page can show it, in whatever time zone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from backoffice.base.form_fields import AwareDateTimeFormField, keep_untouched
from tests.factories import ApiKeyFactory, BrandFactory, MembershipFactory

pytestmark = pytest.mark.django_db
ClientOf = Callable[[Brand], Client]
API = "/api/v1/"
EASTMOST, WESTMOST = "Pacific/Kiritimati", "Pacific/Pago_Pago"
GOOD = {"start": "2027-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}
OFFER = {"benefits": [{"kind": "amount", "value": "1.00"}]}


def promotion(start: str, end: str) -> tuple[str, dict[str, Any]]:
    dates = {"start_date": start, "end_date": end}
    return f"{API}promotions/", {"name": "x", "trigger": "automatic", "offer": OFFER} | dates


def coupon(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}coupons/", {"title": "x", "start_date": start, "end_date": end, "offer": OFFER}


def campaign(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}campaigns/", {"name": "x", "slug": "x", "starts_at": start, "ends_at": end, "quota": 1}


def code(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}discountcode/", {"id": "AUTUMN", "rule": {"discount": 10}, "validity": end}


KINDS = [promotion, coupon, campaign, code]
LISTS = ["", "promotions/promotion/", "promotions/promotion/calendar/", "coupons/coupondefinition/",
         "vouchers/campaign/", "discounts/discountcode/"]  # fmt: skip


@pytest.mark.parametrize("zone", [EASTMOST, WESTMOST])
@pytest.mark.parametrize(
    ("kind", "end"), [(kind, end) for kind in KINDS for end in GOOD if (kind, end) != (code, "start")]
)
@pytest.mark.parametrize(
    "instant",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1899-12-31T23:59:59Z",
        "9999-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_what_lies_too_far_away_is_refused_at_its_field(
    brand_client: ClientOf, kind: Any, end: str, instant: str, zone: str
) -> None:
    path, body = kind(**GOOD | {end: instant})

    answer = brand_client(BrandFactory(timezone=zone)).post(path, body, content_type="application/json")

    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert body[fault["field"]] == instant
    assert fault["detail"] == "Choose one of the years 1900 to 9998."


@pytest.mark.parametrize("zone", [EASTMOST, WESTMOST])
@pytest.mark.parametrize(("field", "day"), [("start_date", "0001-01-01"), ("end_date", "9999-12-31")])
@pytest.mark.parametrize("kind", [promotion, coupon])
def test_a_day_that_lies_too_far_away_is_refused(
    brand_client: ClientOf, kind: Any, zone: str, field: str, day: str
) -> None:
    path, body = kind(**GOOD)

    answer = brand_client(BrandFactory(timezone=zone)).post(path, body | {field: day}, content_type="application/json")

    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("zone", [EASTMOST, WESTMOST])
def test_the_first_and_the_last_that_are_taken_stand_on_every_page(brand_client: ClientOf, zone: str) -> None:
    brand = BrandFactory(timezone=zone)
    owner = Client()
    owner.force_login(MembershipFactory(brand=brand).user)
    for kind in KINDS:
        path, body = kind(start="1900-01-01T00:00:00Z", end="9998-12-31T23:59:59Z")
        assert brand_client(brand).post(path, body, content_type="application/json").status_code == 201

    for page in LISTS:
        assert owner.get(f"/admin/{page}").status_code == 200, page


def test_a_segment_and_an_event_are_no_exceptions() -> None:
    BrandFactory(slug="billo", timezone=EASTMOST)
    platform = Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(brand=None, scope='internal').text}"})
    segment = {"merchant_id": "billo", "segment_type": "vip", "start_date": "0001-01-01", "end_date": "2099-01-01"}
    events = [{"event_id": "1", "customer_id": "c", "at": "0001-01-01T00:00:00Z"}]

    refused = [
        platform.post(f"/api/internal/v1/{path}/", body, content_type="application/json")
        for path, body in (("sync-segment", segment), ("login-events", events))
    ]

    assert [answer.status_code for answer in refused] == [400, 400]
    assert [answer.json()["errors"][0]["field"] for answer in refused] == ["start_date", "0.at"]


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "9999-12-31"])
@pytest.mark.parametrize("page", ["discounts/usage/", "coupons/couponredemption/", "coupons/report/"])
@pytest.mark.parametrize("end", ["since", "until"])
def test_a_list_is_not_asked_for_days_that_lie_too_far_away(page: str, end: str, day: str) -> None:
    owner = Client()
    owner.force_login(MembershipFactory(brand=BrandFactory(timezone=EASTMOST)).user)

    assert owner.get(f"/admin/{page}", {end: day}).status_code == 200


@pytest.mark.parametrize("moment", ["1899-12-31T00:00", "9999-12-31T23:59"])
def test_a_form_says_so_at_its_field(moment: str) -> None:
    brand = BrandFactory(timezone=WESTMOST)
    owner = Client()
    owner.force_login(MembershipFactory(brand=brand).user)

    for page, field in (("promotions/promotion", "end_date"), ("coupons/coupondefinition", "end_date")):
        answer = owner.post(f"/admin/{page}/add/", {"brand": brand.pk, field: moment})
        assert "Choose one of the years 1900 to 9998." in answer.context["form"].errors[field]


@pytest.mark.parametrize("page", ["promotions/promotion", "coupons/coupondefinition"])
def test_a_midnight_that_is_there_twice_is_taken_as_the_api_takes_the_day(brand_client: ClientOf, page: str) -> None:
    picked, meant = "2027-11-07T00:00", "2027-11-07T04:00:00Z"
    brand = BrandFactory(timezone="America/Havana")  # where the clocks go back from one to midnight
    path, body = (promotion if page.startswith("promotions") else coupon)(GOOD["start"], picked[:10])
    made = brand_client(brand).post(path, body, content_type="application/json").json()
    owner = Client()
    owner.force_login(MembershipFactory(brand=brand).user)

    form = owner.post(f"/admin/{page}/add/", {"brand": brand.pk, "end_date": picked}).context["form"]

    assert "end_date" not in form.errors
    assert made["end_date"] == meant
    assert form.cleaned_data["end_date"] == datetime.fromisoformat(meant)


@pytest.mark.parametrize("hour", [4, 5])  # the first midnight in Havana, and the second
def test_what_was_not_touched_stays_when_clocks_go_back(hour: int) -> None:
    before = datetime(2027, 11, 7, hour, 0, 30, 999, tzinfo=UTC)

    with timezone.override("America/Havana"):
        picked = AwareDateTimeFormField().clean(timezone.localtime(before).strftime("%Y-%m-%dT%H:%M"))
        assert keep_untouched(picked, before) == before
        assert keep_untouched(picked + timedelta(minutes=1), before) == picked + timedelta(minutes=1)

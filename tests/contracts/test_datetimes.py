"""Every datetime that the API or a form accepts can be shown on all pages, in every time zone."""

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
EASTERNMOST, WESTERNMOST = "Pacific/Kiritimati", "Pacific/Pago_Pago"
VALID_RANGE = {"start": "2027-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}
OFFER = {"benefits": [{"kind": "amount", "value": "1.00"}]}


def promotion(start: str, end: str) -> tuple[str, dict[str, Any]]:
    dates = {"start_date": start, "end_date": end}
    return f"{API}promotions/", {"name": "x", "trigger": "automatic", "offer": OFFER} | dates


def coupon(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}coupons/", {"title": "x", "start_date": start, "end_date": end, "offer": OFFER}


def campaign(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}campaigns/", {"name": "x", "slug": "x", "start_date": start, "end_date": end, "quota": 1}


def code(start: str, end: str) -> tuple[str, dict[str, Any]]:
    return f"{API}discountcode/", {"id": "AUTUMN", "rule": {"discount": 10}, "validity": end}


KINDS = [promotion, coupon, campaign, code]
LISTS = ["", "promotions/promotion/", "promotions/promotion/calendar/", "coupons/coupondefinition/",
         "vouchers/campaign/", "discounts/discountcode/"]  # fmt: skip


@pytest.mark.parametrize("zone", [EASTERNMOST, WESTERNMOST])
@pytest.mark.parametrize(
    ("kind", "end"), [(kind, end) for kind in KINDS for end in VALID_RANGE if (kind, end) != (code, "start")]
)
@pytest.mark.parametrize(
    "value",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1899-12-31T23:59:59Z",
        "9999-01-01T00:00:00Z",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_unsupported_datetime_is_an_error_of_its_field(
    brand_client: ClientOf, kind: Any, end: str, value: str, zone: str
) -> None:
    path, body = kind(**VALID_RANGE | {end: value})

    response = brand_client(BrandFactory(timezone=zone)).post(path, body, content_type="application/json")

    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert body[error["field"]] == value
    assert error["detail"] == "Enter a year from 1900 to 9998."


@pytest.mark.parametrize("zone", [EASTERNMOST, WESTERNMOST])
@pytest.mark.parametrize(("field", "day"), [("start_date", "0001-01-01"), ("end_date", "9999-12-31")])
@pytest.mark.parametrize("kind", [promotion, coupon])
def test_unsupported_date_is_an_error_of_its_field(
    brand_client: ClientOf, kind: Any, zone: str, field: str, day: str
) -> None:
    path, body = kind(**VALID_RANGE)

    response = brand_client(BrandFactory(timezone=zone)).post(
        path, body | {field: day}, content_type="application/json"
    )

    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("zone", [EASTERNMOST, WESTERNMOST])
def test_pages_show_the_first_and_last_supported_datetime(brand_client: ClientOf, zone: str) -> None:
    brand = BrandFactory(timezone=zone)
    owner = Client()
    owner.force_login(MembershipFactory(brand=brand).user)
    for kind in KINDS:
        path, body = kind(start="1900-01-01T00:00:00Z", end="9998-12-31T23:59:59Z")
        assert brand_client(brand).post(path, body, content_type="application/json").status_code == 201

    for page in LISTS:
        assert owner.get(f"/admin/{page}").status_code == 200, page


def test_internal_api_rejects_unsupported_datetimes() -> None:
    BrandFactory(slug="billo", timezone=EASTERNMOST)
    platform = Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(brand=None, scopes=['internal']).text}"})
    segment = {"merchant_id": "billo", "segment_type": "vip", "start_date": "0001-01-01", "end_date": "2099-01-01"}
    events = [{"event_id": "1", "customer_id": "c", "at": "0001-01-01T00:00:00Z"}]

    responses = [
        platform.post(f"/api/internal/v1/{path}/", body, content_type="application/json")
        for path, body in (("sync-segment", segment), ("login-events", events))
    ]

    assert [response.status_code for response in responses] == [400, 400]
    assert [response.json()["errors"][0]["field"] for response in responses] == ["start_date", "0.at"]


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "9999-12-31"])
@pytest.mark.parametrize("page", ["redemptions/", "coupons/report/"])
@pytest.mark.parametrize("end", ["since", "until"])
def test_lists_ignore_unsupported_dates_in_filters(page: str, end: str, day: str) -> None:
    owner = Client()
    owner.force_login(MembershipFactory(brand=BrandFactory(timezone=EASTERNMOST)).user)

    assert owner.get(f"/admin/{page}", {end: day}).status_code == 200


@pytest.mark.parametrize("value", ["1899-12-31T00:00", "9999-12-31T23:59"])
def test_form_shows_the_error_at_its_field(value: str) -> None:
    brand = BrandFactory(timezone=WESTERNMOST)
    owner = Client()
    owner.force_login(MembershipFactory(brand=brand).user)

    for page, field in (("promotions/promotion", "end_date"), ("coupons/coupondefinition", "end_date")):
        response = owner.post(f"/admin/{page}/add/", {"brand": brand.pk, field: value})
        assert "Enter a year from 1900 to 9998." in response.context["form"].errors[field]


@pytest.mark.parametrize("page", ["promotions/promotion", "coupons/coupondefinition"])
def test_form_and_api_agree_on_an_ambiguous_midnight(brand_client: ClientOf, page: str) -> None:
    picked, expected = "2027-11-07T00:00", "2027-11-07T04:00:00Z"
    brand = BrandFactory(timezone="America/Havana")  # where the clocks go back from one to midnight
    path, body = (promotion if page.startswith("promotions") else coupon)(picked[:10], VALID_RANGE["end"])
    created = brand_client(brand).post(path, body, content_type="application/json").json()
    owner = Client()
    owner.force_login(MembershipFactory(brand=brand).user)

    form = owner.post(f"/admin/{page}/add/", {"brand": brand.pk, "start_date": picked}).context["form"]

    assert "start_date" not in form.errors
    assert created["start_date"] == expected
    assert form.cleaned_data["start_date"] == datetime.fromisoformat(expected)


@pytest.mark.parametrize("hour", [4, 5])  # the first midnight in Havana, and the second
def test_untouched_datetime_is_kept_when_clocks_go_back(hour: int) -> None:
    original = datetime(2027, 11, 7, hour, 0, 30, 999, tzinfo=UTC)

    with timezone.override("America/Havana"):
        picked = AwareDateTimeFormField().clean(timezone.localtime(original).strftime("%Y-%m-%dT%H:%M"))
        assert keep_untouched(picked, original) == original
        assert keep_untouched(picked + timedelta(minutes=1), original) == picked + timedelta(minutes=1)

"""A day without a time as an end means the whole of that day in the brand's zone, everywhere a day may be written."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from tests.factories import MembershipFactory
from tests.rules.api import KINDS, ORDERS, Shop, amount, percent

pytestmark = pytest.mark.django_db
LAST_MOMENTS = [  # the zone, the day, and the first instant after it
    ("UTC", "2027-06-30", "2027-07-01T00:00:00"),
    ("Etc/GMT+12", "2027-06-30", "2027-07-01T12:00:00"),
    ("Pacific/Kiritimati", "2027-06-30", "2027-06-30T10:00:00"),
    ("Europe/Madrid", "2027-03-28", "2027-03-28T22:00:00"),  # 23 hours
    ("Europe/Madrid", "2027-10-31", "2027-10-31T23:00:00"),  # 25 hours
    ("Europe/Madrid", "2028-02-29", "2028-02-29T23:00:00"),
    ("America/Havana", "2027-03-13", "2027-03-14T05:00:00"),  # the next day has no midnight
    ("Asia/Kathmandu", "2027-12-31", "2027-12-31T18:15:00"),
]
every_day = pytest.mark.parametrize(("zone", "day", "after"), LAST_MOMENTS, ids=lambda value: value)


def second_before(instant: str) -> str:
    return (datetime.fromisoformat(instant) - timedelta(seconds=1)).isoformat()


@every_day
def test_an_offer_applies_until_the_last_second_of_its_last_day(
    zone: str, day: str, after: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(timezone=zone)
    fields: dict[str, dict[str, Any]] = {kind: {"end_date": day} for kind in KINDS} | {
        "discount_code": {"validity": day}, "voucher": {"end_date": day, "voucher_valid_days": 60},
    }  # fmt: skip
    with time_machine.travel(f"{day[:7]}-01T12:00:00Z", tick=False):
        offers = [shop.create(kind, percent(), text=f"{kind}-1", **fields[kind]) for kind in KINDS]
        for offer in offers:
            shop.quote(offer)  # takes the voucher

    with time_machine.travel(f"{second_before(after)}Z", tick=False):
        assert [shop.discount(offer) for offer in offers] == ["5.00"] * 4
    with time_machine.travel(f"{after}Z", tick=False):
        for offer in offers[:3]:
            assert shop.reasons(offer) == ["code_expired"]
        assert shop.get(offers[3].path)["status"] == "ended"


@every_day
def test_a_range_of_dates_in_an_offer_includes_its_last_day(
    zone: str, day: str, after: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(timezone=zone)
    offer = shop.create("promotion", amount("5.00") | {"conditions": [{"kind": "date_range", "from": day, "to": day}]})

    with time_machine.travel(f"{second_before(after)}Z", tick=False):
        assert shop.discount(offer) == "5.00"
    with time_machine.travel(f"{after}Z", tick=False):
        assert shop.reasons(offer) == ["outside_schedule"]


@every_day
def test_an_imported_code_is_valid_on_its_last_day(
    zone: str, day: str, after: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(timezone=zone)
    offer = shop.create("promotion", text="OTHER")
    with time_machine.travel(f"{day[:7]}-01T12:00:00Z", tick=False):
        shop.import_file(offer, f"code,expires_at\nKX7P2M1Q9RTHW,{day}\n")

    with time_machine.travel(f"{second_before(after)}Z", tick=False):
        assert shop.discount(codes=["KX7P2M1Q9RTHW"]) == "5.00"
    with time_machine.travel(f"{after}Z", tick=False):
        assert shop.reasons(codes=["KX7P2M1Q9RTHW"]) == ["code_expired"]


@every_day
def test_an_api_key_works_on_its_last_day(
    zone: str, day: str, after: str, create_shop: Callable[..., Shop], shopper_client: Callable[[User], Client]
) -> None:
    shop = create_shop(timezone=zone)
    with time_machine.travel(f"{day[:7]}-01T12:00:00Z", tick=False):
        owner = shopper_client(MembershipFactory(brand=shop.brand).user)
        body = {"name": "server", "expires_at": day}
        path = f"/api/v1/brands/{shop.brand.slug}/api-keys/"
        key = owner.post(path, body, content_type="application/json").json()["key"]
    client = Client(headers={"Authorization": f"Api-Key {key}"})

    with time_machine.travel(f"{second_before(after)}Z", tick=False):
        assert client.get("/api/v1/keys/self/").status_code == 200
    with time_machine.travel(f"{after}Z", tick=False):
        expired = client.get("/api/v1/keys/self/")
        assert (expired.status_code, expired.json()["code"]) == (401, "token_expired")


@every_day
def test_a_list_until_a_day_has_what_was_created_on_it(
    zone: str, day: str, after: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(timezone=zone)
    for instant in (second_before(after), after):
        with time_machine.travel(f"{instant}Z", tick=False):
            shop.reserve(order=instant)
    query = {"created_after": day, "created_before": day}

    with time_machine.travel(f"{after}Z", tick=False):
        assert [order["order"] for order in shop.get(ORDERS, **query)["results"]] == [second_before(after)]


def search(shop: Shop, day: str) -> Any:
    return [found["order"] for found in shop.get("redemptions/", **{"from": day, "to": day})["results"]]


def sum_results(shop: Shop, day: str) -> Any:
    return shop.get("results/", **{"from": day, "to": day, "unit": "day"})["totals"]["reserved"]


@every_day
def test_a_search_and_a_report_of_one_day_have_all_of_it(
    zone: str, day: str, after: str, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(timezone=zone)
    offer = shop.create()
    for instant in (second_before(after), after):
        with time_machine.travel(f"{instant}Z", tick=False):
            shop.reserve(offer, instant, order=instant)

    with time_machine.travel(f"{after}Z", tick=False):
        assert search(shop, day) == [second_before(after)]
        assert sum_results(shop, day) == 1

"""The calendar of promotions: in the days of the brand's time zone, and only for the user's brands."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.contracts import Role
from accounts.models import Brand
from promotions.admin import calendar
from promotions.admin.calendar import parse_month
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db

CALENDAR = "/admin/promotions/promotion/calendar/"


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo", name="Billo", timezone="Europe/Madrid")


@pytest.fixture
def viewer(brand: Brand) -> Client:
    return as_user(MembershipFactory(brand=brand, role=Role.VIEWER).user)


def as_user(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def plan(brand: Brand, name: str, start: datetime, end: datetime, **fields: Any) -> None:
    """Create a promotion between two datetimes."""
    PromotionFactory(brand=brand, name=name, start_date=start, end_date=end, **fields)


def get_bars(client: Client, query: str = "?month=2026-11") -> dict[str, tuple[int, int]]:
    """Return the columns of each promotion's bar: the first one, and the one after the last."""
    response = client.get(f"{CALENDAR}{query}")
    assert response.status_code == 200
    return {bar.promotion.name: (bar.start, bar.stop) for bar in response.context["bars"]}


def test_a_bar_covers_the_days_of_the_brands_time_zone(viewer: Client, brand: Brand) -> None:
    plan(brand, "whole", datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    plan(brand, "inside", datetime(2026, 11, 2, 23, 30, tzinfo=UTC), datetime(2026, 11, 5, 23, 0, tzinfo=UTC))
    plan(brand, "eve", datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 31, 23, 0, tzinfo=UTC))  # ends at midnight
    plan(brand, "first hour", datetime(2026, 10, 31, 23, 0, tzinfo=UTC), datetime(2026, 10, 31, 23, 30, tzinfo=UTC))
    plan(brand, "last", datetime(2026, 11, 30, 12, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC), decision="draft")
    plan(brand, "december", datetime(2026, 11, 30, 23, tzinfo=UTC), datetime(2026, 12, 24, tzinfo=UTC))

    assert get_bars(viewer) == {"whole": (1, 31), "first hour": (1, 2), "inside": (3, 6), "last": (30, 31)}
    assert set(get_bars(viewer, "?month=2026-12")) == {"whole", "last", "december"}


def test_dates_and_status_are_text_too(viewer: Client, brand: Brand) -> None:
    plan(
        brand,
        "Autumn",
        datetime(2026, 11, 3, tzinfo=UTC),
        datetime(2026, 11, 5, 12, tzinfo=UTC),
        decision="draft",
    )

    page = viewer.get(f"{CALENDAR}?month=2026-11").content.decode()

    assert "3 Nov 2026 to 5 Nov 2026, draft" in page
    assert "No promotions this month." in viewer.get(f"{CALENDAR}?month=2020-01").content.decode()
    assert CALENDAR in viewer.get("/admin/").content.decode()


def test_promotions_of_other_brands_are_hidden(viewer: Client, brand: Brand) -> None:
    plan(BrandFactory(slug="cake"), "Secret", datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC))

    assert get_bars(viewer) == {}
    assert viewer.get(f"{CALENDAR}?brand=cake").status_code == 404
    assert as_user(UserFactory()).get(CALENDAR).status_code in (302, 403)


def test_staff_of_several_brands_see_all_or_one(brand: Brand) -> None:
    user = MembershipFactory(brand=brand).user
    cake = MembershipFactory(user=user, brand=BrandFactory(slug="cake")).brand
    for owner in (brand, cake):
        plan(owner, f"of {owner.slug}", datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC))

    assert set(get_bars(as_user(user))) == {"of billo", "of cake"}
    assert set(get_bars(as_user(user), "?month=2026-11&brand=cake")) == {"of cake"}


def test_the_rows_are_limited_and_a_note_says_so(viewer: Client, brand: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        plan(brand, f"{number}", datetime(2026, 11, 3 + number, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC))
    with CaptureQueriesContext(connection) as all_rows:
        get_bars(viewer)
    monkeypatch.setattr(calendar, "MAX_ROWS", 1)
    with CaptureQueriesContext(connection) as one_row:
        assert set(get_bars(viewer)) == {"0"}

    assert "Showing the first 1." in viewer.get(f"{CALENDAR}?month=2026-11").content.decode()
    assert len(one_row) == len(all_rows)


@pytest.mark.parametrize(
    "text", ["", "x", "2026-13", "2026-00", "0001-01", "9999-12", "2026-1", "2026-11-01", "2026-1\N{SUPERSCRIPT TWO}"]
)
def test_an_invalid_month_shows_the_current_one(text: str, viewer: Client) -> None:
    assert parse_month(text) is None
    assert viewer.get(CALENDAR, {"month": text}).status_code == 200


def test_there_is_no_link_beyond_the_supported_years(viewer: Client) -> None:
    assert parse_month("2026-11") == date(2026, 11, 1)
    first, last = (viewer.get(CALENDAR, {"month": month}).context for month in ("1900-01", "9998-12"))
    assert (first["previous_month"], first["next_month"]) == (None, date(1900, 2, 1))
    assert (last["previous_month"], last["next_month"]) == (date(9998, 11, 30), None)

"""The admin's pages of coupons."""

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
from coupons.models import CouponBatch, CouponDefinition
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/coupons/coupondefinition/"


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo", timezone="Europe/Madrid")
    return made


def as_staff(brand: Brand, role: Role = Role.OWNER) -> Client:
    return signed_in(MembershipFactory(brand=brand, role=role).user)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(brand: Brand) -> Client:
    return as_staff(brand)


def page(coupon: CouponDefinition, rest: str = "change/") -> str:
    return f"{LIST}{coupon.pk}/{rest}"


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def sent(client: Client, path: str, **changes: str) -> dict[str, str]:
    """The form as a browser would send it back, with these changes."""
    form = client.get(path).context["form"]
    html = "".join(str(field) for field in form)
    found = {}
    for tag in re.findall(r"<input[^>]*>", html):
        kind, name, value = (re.search(rf'\b{what}="([^"]*)"', tag) for what in ("type", "name", "value"))
        if name and (not kind or kind[1] not in ("checkbox", "radio") or "checked" in tag):
            found[name[1]] = value[1] if value else ""
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', html, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)"[^>]*selected', inner) or re.search(
            r'<option value="([^"]*)"', inner
        )
        found[name] = chosen[1] if chosen else ""
    return found | changes


def fresh(client: Client, **changes: str) -> dict[str, str]:
    return sent(client, f"{LIST}add/", **{
        "title": "Summer", "start_date": "2027-06-01T00:00", "end_date": "2098-07-01T00:00",
        "offer-benefits-0-value": "20",
    } | changes)  # fmt: skip


def taken(coupon: CouponDefinition, *, minutes: int = 0) -> None:
    at = timezone.now()
    until = at + timedelta(minutes=minutes) if minutes else None
    services.redeem(
        coupon=coupon.pk, request=RedemptionRequest(uuid7(), CustomerFactory().pk, reserved_until=until), at=at
    )


def test_an_owner_makes_a_coupon(owner: Client, brand: Brand) -> None:
    limits = {"maximum_number_of_coupons": "50000", "maximum_number_of_coupons_per_user": "1", "code": "summer"}

    answer = owner.post(f"{LIST}add/", fresh(owner, limit_strategy="sharded", **limits))

    made = CouponDefinition.objects.get()
    assert answer["Location"] == page(made)
    assert (made.brand, made.title, made.code_id, made.limit_strategy) == (brand, "Summer", "SUMMER", "sharded")
    assert (made.maximum_number_of_coupons, made.maximum_number_of_coupons_per_user) == (50_000, 1)
    assert made.start_date.isoformat() == "2027-05-31T22:00:00+00:00", "the brand's midnight"
    assert made.offer["benefits"][0]["value"] == "20"
    shown = text(owner.get(page(made)))
    assert "20 % off" in shown
    assert "at most 50,000" in shown
    assert "at checkout by code SUMMER" in shown


def test_a_coupon_with_codes_that_are_good_once_has_them_at_once(owner: Client) -> None:
    owner.post(f"{LIST}add/", fresh(owner, count="30", pattern="ONE-########"))

    batch = CouponBatch.objects.get().batch
    assert (batch.generated_count, batch.pattern) == (30, "ONE-########")
    assert "by codes that are good once each, in 1 batch" in text(owner.get(page(CouponDefinition.objects.get())))


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
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(changes: dict[str, str], field: str, owner: Client) -> None:
    CouponFactory(text="TAKEN")

    answer = owner.post(f"{LIST}add/", fresh(owner, **changes))

    assert set(answer.context["form"].errors) == {field}
    assert CouponDefinition.objects.count() == 1


def test_a_coupon_that_runs_shows_live_numbers_and_its_form_offers_what_may_still_change(
    owner: Client, brand: Brand
) -> None:
    coupon = CouponFactory(brand=brand, maximum_number_of_coupons=10)
    taken(coupon)
    taken(coupon, minutes=5)

    cards = {name: number for name, number, _ in owner.get(page(coupon, "numbers/")).context["cards"]}
    assert cards == {"Used": "1", "Reserved": "1", "Left": "8"}
    assert 'hx-trigger="every 5s"' in text(owner.get(page(coupon)))
    assert "limit_strategy" not in owner.get(page(coupon)).context["form"].fields

    owner.post(page(coupon), sent(owner, page(coupon), title="Longer", maximum_number_of_coupons="20"))
    coupon.refresh_from_db()
    assert (coupon.title, coupon.maximum_number_of_coupons) == ("Longer", 20)
    refused = owner.post(page(coupon), sent(owner, page(coupon), maximum_number_of_coupons="1"))
    assert set(refused.context["form"].errors) == {"maximum_number_of_coupons"}


@pytest.mark.parametrize("strategy", ["exact", "sharded", "pool", "approximate"])
def test_the_list_tells_what_is_left_in_a_few_queries(
    strategy: str, owner: Client, brand: Brand, settings: Any
) -> None:
    settings.COUPON_PROCESSES = settings.COUPON_THREADS = 1
    limits = {"brand": brand, "maximum_number_of_coupons": 100, "limit_strategy": strategy}
    taken(CouponFactory(**limits))
    CouponFactory(brand=brand)
    with CaptureQueriesContext(
        connection,
    ) as few:
        shown = text(owner.get(LIST))
    for _ in range(5):
        CouponFactory(**limits)
    with CaptureQueriesContext(connection) as many:
        owner.get(LIST)

    assert "0 used, no limit" in shown
    if strategy != "approximate":
        assert "1 used, 99 left" in shown
    assert len(few) == len(many)


def test_a_pool_that_is_being_made_says_how_far_it_is(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand, maximum_number_of_coupons=5_000, limit_strategy="pool")

    cards = owner.get(page(coupon, "numbers/")).context["cards"]

    assert cards[-1] == ("Units made", "1,000", "of 5,000, in the background")


def test_a_coupon_is_withdrawn_and_offered_again(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)

    owner.post(page(coupon, "withdraw/switch/"))
    coupon.refresh_from_db()
    assert not coupon.is_active
    assert "withdrawn" in text(owner.get(page(coupon)))

    owner.post(page(coupon, "offer/switch/"))
    coupon.refresh_from_db()
    assert coupon.is_active
    assert owner.post(page(coupon, "burn/switch/")).status_code == 404


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"rush": "50000", "limit_strategy": "exact"}, "Better choose <strong>sharded</strong>"),
        ({"rush": "50000", "limit_strategy": "sharded"}, "<strong>Sharded</strong> is right"),
        ({"rush": "7000", "limit_strategy": "exact", "within_orders": "on"}, "Better choose <strong>sharded</strong>"),
        ({"rush": "1000", "limit_strategy": "pool"}, "Better choose <strong>exact</strong>"),
        ({"limit_strategy": "approximate"}, "May exceed 50,000 by up to"),
        ({"limit_strategy": "exact"}, "Never more than the maximum."),
        ({"limit_strategy": "exact", "maximum_number_of_coupons": ""}, "there is nothing to keep"),
    ],
)
def test_a_strategy_is_advised_while_the_form_is_written(asked: dict[str, str], said: str, owner: Client) -> None:
    shown = text(owner.post(f"{LIST}advice/", {"maximum_number_of_coupons": "50000"} | asked))

    assert said in shown


@pytest.mark.parametrize("rush", ["x", "-1", "9" * 40, "\x00", "٣", "1e9"])
def test_nonsense_is_not_advised_about(rush: str, owner: Client) -> None:
    answer = owner.post(
        f"{LIST}advice/", {"rush": rush, "limit_strategy": "nothing", "maximum_number_of_coupons": rush}
    )

    assert answer.context["advice"] == {"guarantee": "", "advised": "", "why": "", "differs": ""}


def test_codes_are_made_watched_and_exported(owner: Client, brand: Brand, run_outbox: Callable[[], int]) -> None:
    coupon = CouponFactory(brand=brand)
    order = {"count": "2000", "pattern": "FEST-########", "charset": "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"}

    made = owner.post(page(coupon, "codes/"), order)
    waiting, progress = text(owner.get(made["Location"])), f"{made['Location']}progress/"
    assert "0 of 2000 codes made" in waiting
    assert "HX-Refresh" not in owner.get(progress)
    run_outbox()

    assert owner.get(progress)["HX-Refresh"] == "true"
    shown = owner.get(made["Location"])
    assert len(shown.context["codes"]) == 100
    after = owner.get(f"{made['Location']}?after={shown.context['more']}")
    assert not {code for code, _ in shown.context["codes"]} & {code for code, _ in after.context["codes"]}
    lines = b"".join(owner.get(f"{made['Location']}codes.csv")).decode().splitlines()
    assert (lines[0], len(lines)) == ("code,state", 2_001)
    assert all(line.startswith("FEST-") and line.endswith(",free") for line in lines[1:])
    assert "FEST-########" in text(owner.get(page(coupon, "codes/")))
    assert "Possible codes" in text(owner.post(page(coupon, "codes/guess/"), order))


def test_a_batch_that_makes_no_sense_is_refused_at_its_field(owner: Client, brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)

    answer = owner.post(page(coupon, "codes/"), {"count": "0", "pattern": "A-########", "charset": "AB"})

    assert "count" in answer.context["make"].errors
    assert not CouponBatch.objects.exists()


def test_a_viewer_reads_and_changes_nothing(brand: Brand) -> None:
    coupon = CouponFactory(brand=brand)
    viewer = as_staff(brand, Role.VIEWER)

    assert viewer.get(page(coupon)).context["form"] is None
    assert viewer.get(page(coupon, "codes/")).context["may_edit"] is False
    for path in ("change/", "withdraw/switch/", "codes/", "codes/guess/"):
        assert viewer.post(page(coupon, path), {"title": "x"}).status_code == 403, path
    assert viewer.get(f"{LIST}add/").status_code == 403
    assert viewer.post(f"{LIST}advice/").status_code == 403


def test_another_brands_coupons_are_not_there(owner: Client) -> None:
    theirs = CouponFactory(title="Theirs")
    batch = services.add_codes(coupon=theirs, codes=services.CodesSpec(count=1))

    assert "Theirs" not in text(owner.get(LIST))
    for path in ("change/", "numbers/", "codes/", f"codes/{batch.pk}/", f"codes/{batch.pk}/codes.csv"):
        assert owner.get(page(theirs, path)).status_code in (302, 404), path
        assert "Theirs" not in str(owner.get(page(theirs, path), follow=True).content)
    assert owner.post(page(theirs, "withdraw/switch/")).status_code == 404
    theirs.refresh_from_db()
    assert theirs.is_active


def test_whoever_works_for_several_says_for_which_brand(brand: Brand) -> None:
    BrandFactory(slug="cake")
    root = signed_in(UserFactory(is_superuser=True))

    assert "Select a brand" in text(root.get(f"{LIST}add/"))
    assert root.get(f"{LIST}add/?brand=billo").context["brand"] == brand


@pytest.mark.parametrize("state", ["running", "scheduled", "ended", "withdrawn"])
def test_the_list_is_narrowed_by_state(state: str, owner: Client, brand: Brand) -> None:
    now, day = timezone.now(), timedelta(days=1)
    CouponFactory(brand=brand, title="running")
    CouponFactory(brand=brand, title="scheduled", start_date=now + day)
    CouponFactory(brand=brand, title="ended", end_date=now - day)
    CouponFactory(brand=brand, title="withdrawn", is_active=False)

    (row,) = owner.get(f"{LIST}?status={state}").context["cl"].result_list

    assert row.title == state

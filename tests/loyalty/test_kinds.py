"""What every installed kind of offer can do, also one that the platform doesn't know."""

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from checkout.consistency import check
from checkout.services import release_expired
from redemptions.backends import get_backends, get_code_backends, get_standalone_backends
from redemptions.checks import check_backends
from redemptions.events.models import Event
from redemptions.lifecycle import Action, offer_models
from redemptions.search.contracts import UseFilter
from redemptions.search.selectors import find_uses
from tests.checkout.builders import QUOTE, REDEMPTIONS, line, post, post_action
from tests.factories import BrandFactory, MembershipFactory
from tests.loyalty.offers import Created, change_decision, create, get_customer

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.loyalty.urls")]
KINDS = sorted([*settings.REDEMPTION_BACKENDS, "loyalty_reward"])
LINES = [line(), line(id="b", sku="hat", quantity=2, unit_price="10.00")]


@pytest.fixture
def brand() -> Brand:
    get_customer()
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def server(brand: Brand, brand_client: Callable[[Any], Client]) -> Client:
    return brand_client(brand)


def cart(created: Created, **changes: Any) -> dict[str, Any]:
    members = {"currency": "EUR", "customer_id": "c1", "transaction_type": "topup", "lines": LINES}
    return members | created.sent | changes


def reserve(server: Client, created: Created, order: str = "1001") -> dict[str, Any]:
    response = post(server, REDEMPTIONS, cart(created, order=order))
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


def list_types(created: Created) -> list[str]:
    """Return the types of the events of the offer's redemptions, in order, without their prefix."""
    events = Event.objects.filter(offer_id=created.offer.offer_key, type__startswith="redemption.")
    return [name.removeprefix("redemption.") for name in events.order_by("tx", "pk").values_list("type", flat=True)]


def get_reasons(response: Any) -> list[str]:
    return [row["reason"]["code"] for row in response.json()["rejected"]]


def test_the_installed_backends_pass_the_system_check() -> None:
    assert list(get_backends()) == KINDS
    assert check_backends() == []


# --- every kind ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_an_order_is_quoted_reserved_confirmed_and_refunded(kind: str, brand: Brand, server: Client) -> None:
    created = create(kind, brand)

    quote = post(server, QUOTE, cart(created)).json()
    redemption = reserve(server, created)
    other = post(server, QUOTE, cart(created))
    confirmed = post_action(server, redemption, "confirm").json()
    used = post(server, QUOTE, cart(created))
    refunded = post_action(server, redemption, "refund").json()

    assert [row["kind"] for row in quote["applied"]] == [kind]
    assert (quote["discount_total"], quote["rejected"]) == ("12.00", [])
    assert redemption["quote"] == quote
    assert (confirmed["status"], refunded["status"]) == ("confirmed", "returned")
    assert len(get_reasons(other)) == len(get_reasons(used)) == 1  # once per customer
    assert get_reasons(post(server, QUOTE, cart(created))) == []  # the refund returned the use
    assert list_types(created) == ["reserved", "confirmed", "returned"]
    assert list(check(at=timezone.now(), repair=False)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_canceled_or_expired_reservation_gives_its_use_back(kind: str, brand: Brand, server: Client) -> None:
    created = create(kind, brand)

    post_action(server, reserve(server, created), "cancel")
    reserve(server, created, "1002")
    release_expired(at=timezone.now() + timedelta(hours=1))

    assert post(server, QUOTE, cart(created)).json()["discount_total"] == "12.00"
    assert list_types(created) == ["reserved", "released", "reserved", "expired"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_amended_order_keeps_returns_and_takes_uses(kind: str, brand: Brand, server: Client) -> None:
    created = create(kind, brand)
    redemption = reserve(server, created)
    post_action(server, redemption, "confirm")

    def amend(**changes: Any) -> Any:
        response = post_action(server, redemption, "amend", cart(created, terms="current", **changes))
        return response.json()["quote"]["discount_total"] if response.status_code == 200 else response.json()["code"]

    assert amend(lines=[line()]) == "10.00"
    assert amend(**{name: [] for name in created.sent}) == "0.00"
    assert amend() == "12.00"
    assert list_types(created) == ["reserved", "confirmed", "amended", "returned", "confirmed"]
    assert list(check(at=timezone.now(), repair=False)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_happened_is_found_and_counted(kind: str, brand: Brand, server: Client) -> None:
    created = create(kind, brand)
    post_action(server, reserve(server, created), "confirm")
    staff = Client()
    staff.force_login(MembershipFactory(brand=brand, role=Role.OWNER).user)

    (use,) = find_uses(wanted=UseFilter(brands=(brand.pk,), kind=kind), before=None, limit=9).uses
    page = staff.get(f"/admin/redemptions/{use.event}/")
    results = server.get("/api/v1/results/", {"offer": str(created.offer.offer_key), "unit": "day"}).json()

    assert (use.status, use.order, use.customer_id, use.amount) == ("confirmed", "1001", "c1", 1200)
    assert page.status_code == 200
    assert use.offer_name in page.content.decode()
    assert use.offer_name
    assert sum(bucket["confirmed"] for bucket in results["buckets"]) == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "voucher"])  # a voucher outlives its campaign
@pytest.mark.parametrize(("action", "event"), [("pause", "paused"), ("end", "ended"), ("archive", "archived")])
def test_an_offer_that_is_not_active_gives_nothing(
    kind: str, action: str, event: str, brand: Brand, server: Client
) -> None:
    created = create(kind, brand)

    change_decision(created.offer, Action(action))

    assert len(get_reasons(post(server, QUOTE, cart(created)))) == 1
    assert Event.objects.filter(offer_id=created.offer.offer_key, type=f"offer.{event}").count() == 1
    if action == "pause":
        change_decision(created.offer, Action.RESUME)
        assert post(server, QUOTE, cart(created)).json()["discount_total"] == "12.00"


# --- what a kind has -------------------------------------------------------------------------------------------------
def get_model(kind: str) -> Any:
    return next(model for model in offer_models() if model.offer_kind == kind)


def has_field(*names: str) -> Callable[[str], bool]:
    def probe(kind: str) -> bool:
        model = get_model(kind)
        related = getattr(getattr(model, "counter", None), "related", None)
        models = [model, *([related.related_model] if related else [])]
        return any(field.name in names for one in models for field in one._meta.get_fields())

    return probe


def has_page(name: str) -> bool:
    try:
        return bool(reverse(name, args=[uuid.uuid4()]))
    except NoReverseMatch:
        return False


CELLS: Mapping[str, Callable[[str], bool]] = {
    "start, end, pause, resume, end, archive": lambda kind: (
        {"start_date", "end_date", "decision", "brand"} <= {field.name for field in get_model(kind)._meta.get_fields()}
    ),
    "total limit": has_field("limit_total", "maximum_number_of_coupons", "quota"),
    "budget": has_field("budget"),
    "maximum per order and per customer": lambda kind: (
        has_field("max_per_order")(kind) and has_field("max_per_customer")(kind)
    ),
    "limits per day, week and month": has_field("limit_per_day"),
    "generic and single-use codes": lambda kind: kind in get_code_backends(),
    "batches of single-use codes in the API": lambda kind: has_page(f"{kind}-batch-list"),
    "batches of single-use codes in the admin": lambda kind: has_page(f"admin:{kind}_codes"),
    "redeemed without an order": lambda kind: kind in get_standalone_backends(),
    "announced by email": has_field("notify"),
}
MISSING: Mapping[tuple[str, str], str] = {
    ("coupon", "announced by email"): "codes of a batch are mailed instead",
    ("promotion", "redeemed without an order"): "a promotion changes the price of a cart",
    ("promotion", "announced by email"): "codes of a batch are mailed instead",
    ("voucher", "generic and single-use codes"): "a voucher is chosen by its ID",
    ("voucher", "batches of single-use codes in the API"): "a voucher is chosen by its ID",
    ("voucher", "batches of single-use codes in the admin"): "a voucher is chosen by its ID",
    ("loyalty_reward", "batches of single-use codes in the admin"): "rewards have no pages in the admin",
    ("voucher", "redeemed without an order"): "a voucher changes the price of a cart",
    ("voucher", "announced by email"): "the recipient of a voucher gets an email about it",
    ("loyalty_reward", "redeemed without an order"): "a reward changes the price of a cart",
    ("loyalty_reward", "announced by email"): "the shop tells its customers",
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_a_feature_or_says_why_not(kind: str, cell: str) -> None:
    assert CELLS[cell](kind) != ((kind, cell) in MISSING)


def test_every_declared_gap_is_one_of_a_kind() -> None:
    assert {kind for kind, _cell in MISSING} <= set(KINDS)
    assert {cell for _kind, cell in MISSING} <= set(CELLS)

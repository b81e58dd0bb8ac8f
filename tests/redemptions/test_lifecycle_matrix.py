"""Every kind of offer, every action and every status, in the API and in the admin, against one table."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from redemptions.lifecycle import ALLOWED, DECISIONS, UNCHANGED, Action, OfferLifecycle
from redemptions.statuses import OfferStatus
from tests.checkout.builders import QUOTE, cart, post
from tests.factories import BrandFactory, CustomerFactory, MembershipFactory, ShopperFactory
from tests.redemptions.events import iter_types
from tests.redemptions.offers import FACTORIES, Offers, admin_page, create_with_status, list_changes
from vouchers.services import claim

pytestmark = pytest.mark.django_db
KINDS = sorted(settings.REDEMPTION_BACKENDS)
EVENTS = {
    Action.ACTIVATE: "offer.activated",
    Action.PAUSE: "offer.paused",
    Action.RESUME: "offer.resumed",
    Action.END: "offer.ended",
    Action.ARCHIVE: "offer.archived",
}
REJECTIONS = {
    OfferStatus.DRAFT: {"code_inactive", "promotion_not_active"},
    OfferStatus.SCHEDULED: {"code_not_started"},
    OfferStatus.ACTIVE: set[str](),
    OfferStatus.PAUSED: {"code_inactive", "promotion_not_active"},
    OfferStatus.ENDED: {"code_expired"},
}
kinds = pytest.mark.parametrize("kind", KINDS)
actions = pytest.mark.parametrize("action", list(Action))
statuses = pytest.mark.parametrize("status", list(OfferStatus))


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo")


@pytest.fixture
def owner(brand: Brand) -> User:
    return MembershipFactory(brand=brand).user


@pytest.fixture
def admin(owner: User) -> Client:
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def api(owner: User, shopper_client: Callable[[User], Client]) -> Client:
    return shopper_client(owner)


def test_every_installed_kind_has_offers_with_the_life_cycle() -> None:
    assert sorted(FACTORIES) == KINDS
    assert all(issubclass(factory._meta.model, OfferLifecycle) for factory in FACTORIES.values())


def read_decision(offer: OfferLifecycle) -> str:
    return str(type(offer)._default_manager.values_list("decision", flat=True).get(pk=offer.pk))


@kinds
@statuses
@actions
def test_the_api_runs_each_action_as_the_table_says(
    kind: str, status: OfferStatus, action: Action, brand: Brand, api: Client
) -> None:
    offer, offers = create_with_status(kind, status, brand=brand), Offers(api, brand, kind)
    decision = read_decision(offer)

    answer = offers.post(offers.url(offer), action)

    after = type(offer)._default_manager.get(pk=offer.pk)
    if status in ALLOWED[action]:
        assert answer == (200, after.status_at(timezone.now()))
        assert (after.decision, list_changes()) == (DECISIONS[action], [EVENTS[action]])
    else:
        assert answer == ((200, status) if status in UNCHANGED[action] else (409, "invalid_status"))
        assert (after.decision, list_changes()) == (decision, [])


@kinds
@statuses
@actions
def test_the_admin_runs_each_action_as_the_table_says(
    kind: str, status: OfferStatus, action: Action, brand: Brand, admin: Client
) -> None:
    offer = create_with_status(kind, status, brand=brand)
    decision = read_decision(offer)

    page = admin.post(admin_page(offer, action), follow=True).content.decode()

    is_allowed, is_unchanged = status in ALLOWED[action], status in UNCHANGED[action]
    assert read_decision(offer) == (DECISIONS[action] if is_allowed else decision)
    assert list_changes() == ([EVENTS[action]] if is_allowed else [])
    assert ("This action isn" in page) == (not is_allowed and not is_unchanged)


@kinds
@statuses
def test_the_admin_offers_the_actions_that_have_an_effect(
    kind: str, status: OfferStatus, brand: Brand, admin: Client
) -> None:
    offer = create_with_status(kind, status, brand=brand)

    page = admin.get(admin_page(offer)).content.decode()

    shown = set(re.findall(rf"/{offer.pk}/(?:status/(?=\w)|(?=review/))(\w+)/", page))
    shown = {Action.ACTIVATE if name == "review" else name for name in shown}
    assert shown == {action for action in Action if status in ALLOWED[action]} | {"duplicate"} | (
        {"delete"} if status == OfferStatus.DRAFT else set()
    )


@kinds
@statuses
def test_a_viewer_has_no_buttons(kind: str, status: OfferStatus, brand: Brand) -> None:
    offer, client = create_with_status(kind, status, brand=brand), Client()
    client.force_login(MembershipFactory(brand=brand, role="viewer").user)

    assert "/status/" not in client.get(admin_page(offer)).content.decode()
    for action in (*Action, "duplicate", "delete"):
        assert client.post(admin_page(offer, action)).status_code == 403
    assert list_changes() == []


@kinds
def test_staff_of_another_brand_reach_no_action(kind: str) -> None:
    offer, client = create_with_status(kind, OfferStatus.DRAFT), Client()
    client.force_login(MembershipFactory().user)

    for action in (*Action, "duplicate", "delete", "explode"):
        assert client.post(admin_page(offer, action)).status_code == 404
    assert list_changes() == []


@kinds
@statuses
def test_the_admin_filters_by_the_status_that_the_api_answers(
    kind: str, status: OfferStatus, brand: Brand, admin: Client, api: Client
) -> None:
    created = {other: create_with_status(kind, other, brand=brand) for other in OfferStatus}
    offers = Offers(api, brand, kind)

    listed = admin.get(f"{admin_page(created[status]).split(str(created[status].pk))[0]}?status={status}")

    assert [row.pk for row in listed.context["cl"].result_list] == [created[status].pk]
    assert offers.read(offers.url(created[status])) == status


@kinds
@statuses
def test_delete_deletes_a_draft_and_archives_anything_else(
    kind: str, status: OfferStatus, brand: Brand, api: Client, admin: Client
) -> None:
    offer, offers = create_with_status(kind, status, brand=brand), Offers(api, brand, kind)
    is_draft, is_changed = status == OfferStatus.DRAFT, status != OfferStatus.ARCHIVED
    admin_answer = admin.post(admin_page(offer, "delete"), follow=True).content.decode() if not is_draft else ""

    assert not admin_answer or "Only drafts can be deleted." in admin_answer
    assert list_changes() == []
    assert api.delete(offers.url(offer)).status_code == 204
    remaining = type(offer)._default_manager.filter(pk=offer.pk).values_list("decision", flat=True)
    assert list(remaining) == ([] if is_draft else ["archived"])
    assert list_changes() == (["offer.archived"] if is_changed else [])


@kinds
@statuses
@pytest.mark.parametrize("entry", ["api", "admin"])
def test_every_offer_can_be_duplicated_as_a_draft(
    kind: str, status: OfferStatus, entry: str, brand: Brand, api: Client, admin: Client
) -> None:
    offer, offers = create_with_status(kind, status, brand=brand), Offers(api, brand, kind)

    if entry == "api":
        assert offers.post(offers.url(offer), "duplicate") == (201, "draft")
    else:
        admin.post(admin_page(offer, "duplicate"))

    duplicate = type(offer)._default_manager.exclude(pk=offer.pk).get()
    assert duplicate.decision == "draft"
    assert duplicate.end_date > timezone.now()  # type: ignore[attr-defined]
    assert list_changes() == []
    assert read_decision(offer) == offer.decision
    assert list(iter_types()).count("offer.created") >= 1


# --- checkout ---------------------------------------------------------------------------------------------------------
CODED: dict[str, dict[str, Any]] = {
    "coupon": {"text": "TEN"},
    "discount_code": {"text": "TEN"},
    "promotion": {"text": "TEN", "trigger": "code"},
}


@kinds
@statuses
def test_checkout_acts_on_the_status_that_is_answered(
    kind: str, status: OfferStatus, brand: Brand, shopper_client: Callable[[User], Client]
) -> None:
    offer = create_with_status(kind, status, brand=brand, **CODED.get(kind, {}))
    if kind not in CODED:  # a campaign: its vouchers are claimed
        result = claim(campaign=offer.slug, customer_key=CustomerFactory().pk, at=timezone.now())  # type: ignore[attr-defined]
        assert result.result == ("voucher_granted" if status == OfferStatus.ACTIVE else "campaign_not_open")
        return

    shopper = shopper_client(ShopperFactory())
    answer = post(shopper, QUOTE, cart(codes=["TEN"])).json()

    reasons = {rejected["reason"]["code"] for rejected in answer["rejected"]}
    expected = REJECTIONS.get(status, {"code_not_found", *REJECTIONS[OfferStatus.DRAFT]})
    assert bool(answer["applied"]) == (status == OfferStatus.ACTIVE)
    assert reasons <= expected
    assert len(reasons) == len(answer["rejected"]) == (0 if status == OfferStatus.ACTIVE else 1)

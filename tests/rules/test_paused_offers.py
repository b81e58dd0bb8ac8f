"""An offer is paused at once and resumed later; its counts, its code and the orders under way stay as they are."""

import pytest

from tests.rules.api import CODED, KINDS, Shop, percent

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", KINDS)
def test_a_paused_offer_gives_nothing_until_it_is_resumed(kind: str, shop: Shop) -> None:
    offer = shop.create(kind)
    discounts = [shop.discount(offer)]
    for action in ("pause", "resume"):
        assert shop.act(offer, action)["status"] == {"pause": "paused", "resume": "active"}[action]
        discounts.append(shop.discount(offer))

    issued = "5.00" if kind == "voucher" else "0.00"  # a voucher that a customer has stays valid
    assert discounts == ["5.00", issued, "5.00"]


@pytest.mark.parametrize("kind", CODED)
def test_counts_and_the_code_stay(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, budget="20.00", limits={"per_day": 2})
    shop.buy(offer, "u1")
    shop.act(offer, "pause")

    assert shop.reasons(offer, "u2") == ["promotion_not_active" if kind == "promotion" else "code_inactive"]
    assert shop.create_answer(kind, expect=409)["code"] == "code_taken"
    assert shop.act(offer, "resume")["budget_left"] == "15.00"
    shop.buy(offer, "u2")
    assert shop.reasons(offer, "u3") == ["usage_limit_reached"]


@pytest.mark.parametrize("kind", KINDS)
def test_orders_under_way_are_confirmed_canceled_amended_and_refunded(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, budget="20.00")
    first, second = shop.reserve(offer, "u1"), shop.reserve(offer, "u2")
    shop.act(offer, "pause")

    assert shop.confirm(first)["quote"]["discount_total"] == "5.00"
    assert shop.cancel(second)["status"] == "released"
    assert shop.get(offer.path)["budget_left"] == "15.00"
    assert shop.refund(first)["status"] == "returned"
    assert shop.get(offer.path)["budget_left"] == "20.00"


def test_an_automatic_promotion_is_paused_too(shop: Shop) -> None:
    body = {"name": "x", "trigger": "automatic", "start_date": "2026-01-01", "end_date": "2099-01-01"}
    path = f"promotions/{shop.send('post', 'promotions/', body | {'offer': percent()}, expect=201)['id']}/"

    shop.send("post", f"{path}pause/")
    assert shop.discount() == "0.00"
    shop.send("post", f"{path}resume/")
    assert shop.discount() == "5.00"


@pytest.mark.parametrize("kind", CODED)
def test_single_use_codes_of_a_paused_offer_apply_again_when_it_is_resumed(kind: str, shop: Shop) -> None:
    offer = shop.create(kind)
    (code,) = shop.generate(offer)

    shop.act(offer, "pause")
    assert shop.discount(codes=[code]) == "0.00"
    shop.act(offer, "resume")
    assert shop.discount(codes=[code]) == "5.00"


@pytest.mark.parametrize("kind", KINDS)
def test_pausing_and_resuming_again_changes_nothing_and_a_wrong_status_is_refused(kind: str, shop: Shop) -> None:
    offer = shop.create(kind)
    for action in ("pause", "pause", "resume", "resume"):
        shop.act(offer, action)
    shop.act(offer, "end")

    assert shop.act(offer, "pause", expect=409)["code"] == "invalid_status"
    assert shop.act(offer, "resume", expect=409)["code"] == "invalid_status"
    assert shop.get(offer.path)["status"] == "ended"

"""The text of a code is free again when its offer, a draft, was deleted, or was ended and archived."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from tests.rules.api import CODED, Offer, Shop, line, percent

pytestmark = pytest.mark.django_db
TWENTY = percent("20")


def archive(shop: Shop, offer: Offer) -> None:
    shop.act(offer, "archive")


def end_and_archive(shop: Shop, offer: Offer) -> None:
    shop.act(offer, "end")
    shop.act(offer, "archive")


def delete(shop: Shop, offer: Offer) -> None:
    assert shop.client.delete(f"/api/v1/{offer.path}").status_code == 204


@pytest.mark.parametrize("free", [archive, end_and_archive, delete])
@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize("next_kind", CODED)
def test_an_archived_offer_frees_its_text_for_every_kind(
    kind: str, next_kind: str, free: Callable[[Shop, Offer], None], shop: Shop
) -> None:
    first = shop.create(kind, text="SUMMER")
    old = shop.buy(first, "u1")
    free(shop, first)

    second = shop.create(next_kind, TWENTY, text="sum-mer")

    assert shop.discount(second, "u1", codes=["SUMMER"]) == "10.00"
    assert shop.read(old)["quote"]["discount_total"] == "5.00"
    assert shop.get("codes/SUMMER/")["offer"]["id"] == second.id


@pytest.mark.parametrize("kind", CODED)
def test_a_deleted_draft_frees_its_text(kind: str, shop: Shop) -> None:
    draft = shop.create(kind, text="SUMMER", status="draft")
    assert shop.create_answer(kind, text="SUMMER", expect=409)["code"] == "code_taken"

    delete(shop, draft)

    assert shop.discount(shop.create(kind, TWENTY, text="SUMMER")) == "10.00"


@pytest.mark.parametrize("kind", CODED)
def test_an_offer_that_ended_by_its_date_frees_its_text_when_it_is_archived(kind: str, shop: Shop) -> None:
    end: dict[str, Any] = {"validity" if kind == "discount_code" else "end_date": "2026-06-30"}
    with time_machine.travel("2026-06-01T12:00:00Z", tick=False):
        first = shop.create(kind, text="SUMMER", **end)
    with time_machine.travel("2026-08-01T12:00:00Z", tick=False):
        assert shop.create_answer(kind, TWENTY, text="SUMMER", expect=409)["code"] == "code_taken"

        shop.act(first, "archive")

        assert shop.discount(shop.create(kind, TWENTY, text="SUMMER")) == "10.00"


@pytest.mark.parametrize("kind", CODED)
def test_reports_keep_the_two_apart(kind: str, shop: Shop) -> None:
    first = shop.create(kind, text="SUMMER")
    order = shop.buy(first, "u1")
    shop.act(first, "archive")
    second = shop.create(kind, TWENTY, text="SUMMER")
    shop.buy(second, "u1", lines=[line(1, "100.00")])
    shop.refund(order)

    sums = [shop.get(offer.path)["results"] for offer in (first, second)]
    assert [(each["confirmed"], each["returned"]) for each in sums] == [(1, 1), (1, 0)]
    assert [each["amounts"]["EUR"]["discount"] for each in sums] == ["5.00", "20.00"]
    for offer, discount in ((first, "5.00"), (second, "20.00")):
        (group,) = shop.get("results/", group_by="code", offer=offer.id, unit="day")["groups"]
        assert (group["code"], group["totals"]["amounts"]["EUR"]["discount"]) == ("SUMMER", discount)


@pytest.mark.parametrize("kind", CODED)
def test_the_codes_of_a_batch_are_free_again(
    kind: str, shop: Shop, run_outbox: Callable[[], int], django_capture_on_commit_callbacks: Any
) -> None:
    first = shop.create(kind)
    assert shop.import_file(first, "code\nKX7P-2M1Q-9RTHW\n")["imported"] == 1
    with django_capture_on_commit_callbacks(execute=True):
        shop.act(first, "archive")
    run_outbox()

    assert shop.import_file(shop.create(kind, TWENTY), "code\nKX7P-2M1Q-9RTHW\n")["imported"] == 1

    assert shop.discount(codes=["KX7P2M1Q9RTHW"]) == "10.00"


@pytest.mark.parametrize("kind", CODED)
def test_an_archived_offer_never_gets_its_text_back(kind: str, shop: Shop) -> None:
    first = shop.create(kind, text="SUMMER")
    shop.act(first, "archive")
    shop.create(kind, TWENTY, text="SUMMER")

    assert shop.act(first, "resume", expect=409)["code"] == "invalid_status"
    assert shop.discount(codes=["SUMMER"]) == "10.00"

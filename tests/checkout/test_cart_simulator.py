"""A cart to try, why an order cost what it cost, and backtests, in the admin."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.contracts import Role
from accounts.models import Brand
from checkout.admin.backtests import percent
from checkout.models import Backtest, Redemption
from core import ids
from promotions.models import Promotion, PromotionRedemption
from tests.checkout.builders import cart, line, reserved, verb
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db
TRY, BACKTESTS = "/admin/checkout/redemption/try/", "/admin/checkout/backtest/"


def as_user(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(billo: Brand) -> Client:
    return as_user(MembershipFactory(brand=billo).user)


@pytest.fixture
def viewer(billo: Brand) -> Client:
    return as_user(MembershipFactory(brand=billo, role=Role.VIEWER).user)


@pytest.fixture
def stranger() -> Client:
    return as_user(MembershipFactory(brand=BrandFactory(slug="cake")).user)


def filled(*lines: dict[str, str], **changes: Any) -> dict[str, Any]:
    """The form as a browser sends it; a shoe for 100.00 when no line is said."""
    rows = lines or ({"sku": "shoe", "quantity": "1", "unit_price": "100.00"},)
    found = {"currency": "EUR", "line-TOTAL_FORMS": str(len(rows) + 1), "line-INITIAL_FORMS": "0"}
    for number, row in enumerate(rows):
        found |= {f"line-{number}-{name}": value for name, value in ({"discountable": "on"} | row).items()}
    return found | changes


def text(response: Any) -> str:
    assert response.status_code == 200, response
    return " ".join(response.content.decode().split())


# --- a cart to try ---------------------------------------------------------------------------------------------------
def test_an_empty_form_names_the_brands_promotions_and_nobody_elses(owner: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, name="Spring draft", status="draft")
    PromotionFactory(brand=billo, name="Long over", status="ended")
    PromotionFactory(name="Theirs")

    page = text(owner.get(TRY))

    assert "Spring draft" in page
    assert "Long over" not in page
    assert "Theirs" not in page


def test_a_draft_is_tried_and_explained_and_nothing_is_stored(owner: Client, billo: Brand) -> None:
    vips = {"conditions": [{"kind": "min_subtotal", "value": "50"}, {"kind": "audience", "any": ["vip"]}]}
    draft = PromotionFactory(brand=billo, name="For VIPs", status="draft", extra=vips)

    given = text(owner.post(TRY, filled(promotions=[str(draft.pk)], segments="vip, new")))
    missed = text(owner.post(TRY, filled(promotions=[str(draft.pk)])))

    assert "€90.00" in given
    assert "shoe: €10.00" in given
    assert "min subtotal" in given
    assert "new, vip" in given
    assert "audience not member" in missed
    assert "€90.00" not in missed
    assert not Redemption.objects.exists()
    assert not PromotionRedemption.objects.exists()


def test_a_code_and_what_runs_are_tried_too(owner: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, name="Runs", percent="20")
    coded = PromotionFactory(brand=billo, name="Coded", status="draft", trigger="code", text="SPRING")
    chosen: dict[str, Any] = {"promotions": [str(coded.pk)], "include_live": "on"}

    asleep, awake = (text(owner.post(TRY, filled(**chosen, codes=codes))) for codes in ("", "spring, nope"))

    assert "code not sent" in asleep
    assert "€80.00" in asleep
    assert "€72.00" in awake
    assert "There is no such code." in awake


def test_a_target_audience_is_a_condition(owner: Client, billo: Brand) -> None:
    draft = PromotionFactory(brand=billo, status="draft", target_audience="vip")

    assert "audience not member" in text(owner.post(TRY, filled(promotions=[str(draft.pk)])))
    assert "€90.00" in text(owner.post(TRY, filled(promotions=[str(draft.pk)], segments="vip")))


@pytest.mark.parametrize(
    ("line_changes", "changes", "said"),
    [
        ({"unit_price": "1.001"}, {}, "decimals"),
        ({"unit_price": "-1"}, {}, "decimal"),
        ({"unit_price": "abc"}, {}, "pp-bad"),
        ({"sku": ""}, {}, "A line has an article and a price."),
        ({"quantity": "0"}, {}, "greater than or equal to 1"),
        ({}, {"currency": "XXZ"}, "ISO 4217"),
        ({}, {"country": "spain"}, "Two capital letters"),
        ({}, {"at": "9999-12-31T00:00"}, "Choose one of the years"),
        ({}, {"at": "soon"}, "valid date"),
        ({}, {"promotions": [str(uuid.uuid4())]}, "Select a valid choice"),
        ({"quantity": "1000000", "unit_price": "999999999"}, {}, "worth too much"),
        ({"sku": "", "unit_price": ""}, {}, "A cart has lines or shipping."),
    ],
)
def test_what_makes_no_sense_is_said_on_the_page(
    line_changes: dict[str, str], changes: dict[str, Any], said: str, owner: Client
) -> None:
    row = {"sku": "shoe", "quantity": "1", "unit_price": "100.00"} | line_changes

    page = text(owner.post(TRY, filled(row, **changes)))

    assert said in page
    assert 'id="answer"' not in page


def test_more_lines_are_given_when_asked_for(owner: Client) -> None:
    page = text(owner.post(TRY, filled(more="1")))

    assert 'name="line-4-sku"' in page
    assert 'value="shoe"' in page


@pytest.mark.parametrize(
    "changes", [{"line-TOTAL_FORMS": total} for total in ("x", "", "-1", "٣", "²", "100000", "9" * 5000)]
)
def test_a_form_that_was_tampered_with_is_only_refused(changes: dict[str, str], owner: Client) -> None:
    for more in ({}, {"more": "1"}):
        assert owner.post(TRY, filled(**(changes | more))).status_code == 200


def test_who_works_for_several_brands_chooses_and_strangers_and_shoppers_do_not_get_in(
    owner: Client, stranger: Client, billo: Brand, user: Any
) -> None:
    root = as_user(UserFactory(is_superuser=True))
    PromotionFactory(brand=billo, name="Of billo")
    BrandFactory(slug="third")

    assert "of which brand?" in text(root.get(TRY))
    assert "Of billo" in text(root.get(f"{TRY}?brand=billo"))
    assert stranger.get(f"{TRY}?brand=billo").status_code == 404
    assert as_user(user).get(TRY).status_code in {302, 403}
    assert Client().get(TRY).status_code == 302


# --- why? ------------------------------------------------------------------------------------------------------------
def test_why_is_told_of_an_order_after_its_promotion_changed(owner: Client, server: Client, billo: Brand) -> None:
    minimum = {"conditions": [{"kind": "min_subtotal", "value": "50"}]}
    ran = PromotionFactory(brand=billo, name="Autumn", extra=minimum)
    pk = reserved(server, codes=[], customer_id="c1")["id"]
    Promotion.objects.filter(pk=ran.pk).update(name="Changed", offer={"benefits": []})

    page = text(owner.get(f"/admin/checkout/redemption/{pk}/why/"))

    assert "Autumn" in page
    assert "Changed" not in page
    assert "min subtotal" in page
    assert f"/admin/checkout/redemption/{pk}/why/" in text(owner.get(f"/admin/checkout/redemption/{pk}/change/"))


def test_why_names_no_other_brands_offers(owner: Client, server: Client, stranger: Client, billo: Brand) -> None:
    cake = Brand.objects.get(slug="cake")
    PromotionFactory(brand=billo, name="Mine")
    PromotionFactory(brand=cake, name="Secret", percent="90", extra={"exclusive": True})
    both = [line(), line(id="b", brand="cake")]
    pk = reserved(server, codes=[], customer_id="c1", lines=both)["id"]

    page = text(owner.get(f"/admin/checkout/redemption/{pk}/why/"))

    assert "Mine" in page
    assert "Secret" not in page
    assert stranger.get(f"/admin/checkout/redemption/{pk}/why/").status_code == 404


def test_an_order_without_a_record_says_so(owner: Client, server: Client) -> None:
    pk = reserved(server, **cart(codes=[], customer_id="c1"))["id"]
    Redemption.objects.update(record={})

    assert "No record was kept" in text(owner.get(f"/admin/checkout/redemption/{pk}/why/"))


def test_a_cart_has_several_methods_a_floor_a_transaction_and_a_pricing_of_its_own(owner: Client, billo: Brand) -> None:
    half = PromotionFactory(brand=billo, name="Half", percent="50")
    express = {"kind": "set_price", "value": "0", "on": "shipping", "select": {"shipping_ids": ["express post"]}}
    topup = {"conditions": [{"kind": "transaction_type", "any": ["topup"]}]}
    free = PromotionFactory(brand=billo, name="Free express", offer={"benefits": [express], **topup})
    odd = PromotionFactory(
        brand=billo, name="Odd", percent="33.33", offer={"benefits": [{"kind": "percent", "value": "12.5"}]}
    )
    shoe = {"sku": "shoe", "quantity": "1", "unit_price": "10.00", "min_unit_price": "8.00"}
    methods = "standard 4.99\nexpress post 9.99\n"
    hat = {"sku": "hat", "quantity": "1", "unit_price": "0.20"}

    floored = text(owner.post(TRY, filled(shoe, promotions=[str(half.pk)])))
    shipped = text(owner.post(TRY, filled(shoe, shipping=methods, transaction_type="topup", promotions=[str(free.pk)])))
    bought = text(owner.post(TRY, filled(shoe, shipping=methods, promotions=[str(free.pk)])))
    up, down = (
        text(owner.post(TRY, filled(hat, promotions=[str(odd.pk)], pricing_rounding=name))) for name in ("", "down")
    )

    assert 'Taken off</p><p class="pp-number">€2.00' in floored
    assert 'Taken off</p><p class="pp-number">€9.99' in shipped
    assert 'Taken off</p><p class="pp-number">€0.00' in bought
    assert 'Taken off</p><p class="pp-number">€0.03' in up  # 2.5 cents, half up
    assert 'Taken off</p><p class="pp-number">€0.02' in down


BAD = [
    ("shipping", "4.99\n5.99"), ("shipping", "a 1\na 2"), ("shipping", "express"), ("shipping", "express 1.001"),
    ("shipping", "x" * 65 + " 1.00"), ("shipping", "\n".join(f"m{n} 1" for n in range(21))), ("shipping", "a -1"),
    ("line-0-min_unit_price", "x"), ("line-0-min_unit_price", "-1"), ("pricing_rounding", "sideways"),
    ("transaction_type", "x" * 101),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_is_no_cart_is_refused_at_its_field(name: str, value: str, owner: Client) -> None:
    page = text(owner.post(TRY, filled() | {name: value}))

    assert "pp-bad" in page
    assert 'id="answer"' not in page


# --- backtests -------------------------------------------------------------------------------------------------------
def asked(promotion: Promotion, /, **changes: str) -> dict[str, str]:
    today = timezone.now().date().isoformat()
    return {"promotion": str(promotion.pk), "first": today, "last": today} | changes


def test_a_backtest_is_asked_for_and_read(
    owner: Client, viewer: Client, server: Client, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    PromotionFactory(brand=billo, name="Ran", extra={"group": "g"})
    verb(server, reserved(server, codes=[], customer_id="c1"), "confirm")
    draft = PromotionFactory(brand=billo, name="Quarter off", percent="25", status="draft", extra={"group": "g"})

    made = owner.post(f"{BACKTESTS}add/", asked(draft))
    waiting = text(owner.get(made["Location"]))
    progress = made["Location"].replace("change", "progress")
    moving = owner.get(progress)
    run_outbox()

    assert progress in waiting
    assert "HX-Refresh" not in moving
    done = text(viewer.get(made["Location"]))
    assert progress not in done
    assert "€30.00" in done
    assert "€18.00" in done
    assert "Ran" in done
    assert "<svg" in done
    assert owner.get(progress)["HX-Refresh"] == "true"
    assert "Quarter off" in text(viewer.get(BACKTESTS))


def test_a_backtest_is_stopped(owner: Client, viewer: Client, billo: Brand) -> None:
    owner.post(f"{BACKTESTS}add/", asked(PromotionFactory(brand=billo, status="draft")))
    test = Backtest.objects.get()
    path = f"{BACKTESTS}{test.pk}/cancel/"

    assert viewer.post(path).status_code == 403
    assert owner.get(path).status_code == 405
    assert owner.post(path).status_code == 302
    test.refresh_from_db()
    assert test.state == "cancelled"


@pytest.mark.parametrize(
    "changes", [{"last": "2020-01-01"}, {"first": "2020-01-01"}, {"first": "x"}, {"promotion": "x"}]
)
def test_a_backtest_that_makes_no_sense_is_refused_on_the_page(
    changes: dict[str, str], owner: Client, billo: Brand
) -> None:
    page = text(owner.post(f"{BACKTESTS}add/", asked(PromotionFactory(brand=billo), **changes)))

    assert "pp-bad" in page
    assert not Backtest.objects.exists()


def test_a_second_backtest_at_once_is_refused_on_the_page(owner: Client, billo: Brand) -> None:
    draft = PromotionFactory(brand=billo, status="draft")
    owner.post(f"{BACKTESTS}add/", asked(draft))

    assert "pp-bad" in text(owner.post(f"{BACKTESTS}add/", asked(draft)))
    assert Backtest.objects.count() == 1


def test_backtests_are_the_brands_own(owner: Client, viewer: Client, stranger: Client, billo: Brand) -> None:
    draft = PromotionFactory(brand=billo, name="Secret", status="draft")
    owner.post(f"{BACKTESTS}add/", asked(draft))
    test = Backtest.objects.get()

    assert viewer.get(f"{BACKTESTS}add/").status_code == 403
    assert "Secret" not in text(stranger.get(BACKTESTS))
    assert "Secret" not in text(stranger.get(f"{BACKTESTS}add/"))
    assert stranger.post(f"{BACKTESTS}add/", asked(draft)).status_code == 200  # the form again, without that promotion
    PromotionFactory(brand=Brand.objects.get(slug="cake"), status="draft")
    assert "Select a valid choice" in text(stranger.post(f"{BACKTESTS}add/", asked(draft)))
    for name in ("change", "progress"):
        assert stranger.get(f"{BACKTESTS}{test.pk}/{name}/").status_code == 404
    assert stranger.post(f"{BACKTESTS}{test.pk}/cancel/").status_code == 404
    assert Backtest.objects.get().state == "waiting"
    assert Backtest.objects.count() == 1


def test_pages_ask_as_often_for_many_as_for_one(owner: Client, billo: Brand) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            text(owner.post(TRY, filled(promotions=[str(it.pk) for it in Promotion.objects.all()])))
        return len(seen)

    PromotionFactory(brand=billo)
    first = queries()
    PromotionFactory.create_batch(10, brand=billo)

    assert queries() == first


def test_progress_is_how_far_through_the_period_it_has_come(billo: Brand, at: datetime) -> None:
    test = Backtest(start=at, end=at + timedelta(days=10))
    told = [percent(test)]
    for days in (0, 5, 10):
        test.cursor = ids.min_uuid7_at(at + timedelta(days=days))
        told.append(percent(test))

    assert told == [0, 0, 50, 100]

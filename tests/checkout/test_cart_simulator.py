"""Admin pages of the cart simulator, of price explanations and of backtests."""

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
from checkout.admin.backtests import get_progress
from checkout.models import Backtest, Redemption
from core import ids
from promotions.models import Promotion
from redemptions.uses.models import OfferUse
from tests.checkout.builders import cart, line, post_action, reserve_order
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db
SIMULATOR, BACKTESTS = "/admin/checkout/redemption/try/", "/admin/checkout/backtest/"


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


def build_form(*lines: dict[str, str], **changes: Any) -> dict[str, Any]:
    """Return the form as a browser sends it, by default with one shoe for 100.00."""
    rows = lines or ({"sku": "shoe", "quantity": "1", "unit_price": "100.00"},)
    data = {"currency": "EUR", "line-TOTAL_FORMS": str(len(rows) + 1), "line-INITIAL_FORMS": "0"}
    for number, row in enumerate(rows):
        data |= {f"line-{number}-{name}": value for name, value in ({"discountable": "on"} | row).items()}
    return data | changes


def text(response: Any) -> str:
    assert response.status_code == 200, response
    return " ".join(response.content.decode().split())


# --- cart simulator --------------------------------------------------------------------------------------------------
def test_the_form_lists_only_promotions_of_the_brand_that_have_not_ended(owner: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, name="Spring draft", decision="draft")
    PromotionFactory(brand=billo, name="Long over", decision="ended")
    PromotionFactory(name="Theirs")

    page = text(owner.get(SIMULATOR))

    assert "Spring draft" in page
    assert "Long over" not in page
    assert "Theirs" not in page


def test_a_draft_is_simulated_and_explained_and_nothing_is_stored(owner: Client, billo: Brand) -> None:
    vips = {"conditions": [{"kind": "min_subtotal", "value": "50"}, {"kind": "audience", "any": ["vip"]}]}
    draft = PromotionFactory(brand=billo, name="For VIPs", decision="draft", extra=vips)

    applied = text(owner.post(SIMULATOR, build_form(promotions=[str(draft.pk)], segments="vip, new")))
    rejected = text(owner.post(SIMULATOR, build_form(promotions=[str(draft.pk)])))

    assert "€90.00" in applied
    assert "shoe: €10.00" in applied
    assert "Minimum purchase amount" in applied
    assert "new, vip" in applied
    assert "Not eligible" in rejected
    assert "€90.00" not in rejected
    assert not Redemption.objects.exists()
    assert not OfferUse.objects.exists()


def test_codes_and_active_promotions_can_be_included(owner: Client, billo: Brand) -> None:
    PromotionFactory(brand=billo, name="Active", percent="20")
    coded = PromotionFactory(brand=billo, name="Coded", decision="draft", trigger="code", text="SPRING")
    selected: dict[str, Any] = {"promotions": [str(coded.pk)], "include_live": "on"}

    without_code, with_code = (
        text(owner.post(SIMULATOR, build_form(**selected, codes=codes))) for codes in ("", "spring, nope")
    )

    assert "Code not in cart" in without_code
    assert "€80.00" in without_code
    assert "€72.00" in with_code
    assert "Code not found." in with_code


def test_the_target_audience_is_a_condition(owner: Client, billo: Brand) -> None:
    draft = PromotionFactory(brand=billo, decision="draft", target_audience="vip")

    assert "Not eligible" in text(owner.post(SIMULATOR, build_form(promotions=[str(draft.pk)])))
    assert "€90.00" in text(owner.post(SIMULATOR, build_form(promotions=[str(draft.pk)], segments="vip")))


@pytest.mark.parametrize(
    ("line_changes", "changes", "message"),
    [
        ({"unit_price": "1.001"}, {}, "decimals"),
        ({"unit_price": "-1"}, {}, "decimal"),
        ({"unit_price": "abc"}, {}, "pp-bad"),
        ({"sku": ""}, {}, "Enter a SKU and a price."),
        ({"quantity": "0"}, {}, "greater than or equal to 1"),
        ({}, {"currency": "XXZ"}, "ISO 4217"),
        ({}, {"country": "spain"}, "two capital letters"),
        ({}, {"at": "9999-12-31T00:00"}, "Enter a year from"),
        ({}, {"at": "soon"}, "valid date"),
        ({}, {"promotions": [str(uuid.uuid4())]}, "Select a valid choice"),
        ({"quantity": "1000000", "unit_price": "999999999"}, {}, "exceeds the maximum"),
        ({"sku": "", "unit_price": ""}, {}, "Add at least one item or a shipping price."),
    ],
)
def test_invalid_input_is_reported_on_the_page(
    line_changes: dict[str, str], changes: dict[str, Any], message: str, owner: Client
) -> None:
    row = {"sku": "shoe", "quantity": "1", "unit_price": "100.00"} | line_changes

    page = text(owner.post(SIMULATOR, build_form(row, **changes)))

    assert message in page
    assert 'id="answer"' not in page


def test_rows_can_be_added(owner: Client) -> None:
    page = text(owner.post(SIMULATOR, build_form(more="1")))

    assert 'name="line-4-sku"' in page
    assert 'value="shoe"' in page


@pytest.mark.parametrize(
    "changes", [{"line-TOTAL_FORMS": total} for total in ("x", "", "-1", "٣", "²", "100000", "9" * 5000)]
)
def test_a_manipulated_form_causes_no_server_error(changes: dict[str, str], owner: Client) -> None:
    for button in ({}, {"more": "1"}):
        assert owner.post(SIMULATOR, build_form(**(changes | button))).status_code == 200


def test_staff_of_several_brands_select_one_and_others_have_no_access(
    owner: Client, stranger: Client, billo: Brand, user: Any
) -> None:
    root = as_user(UserFactory(is_superuser=True))
    PromotionFactory(brand=billo, name="Of billo")
    BrandFactory(slug="third")

    assert "Select a brand" in text(root.get(SIMULATOR))
    assert "Of billo" in text(root.get(f"{SIMULATOR}?brand=billo"))
    assert stranger.get(f"{SIMULATOR}?brand=billo").status_code == 404
    assert as_user(user).get(SIMULATOR).status_code in {302, 403}
    assert Client().get(SIMULATOR).status_code == 302


# --- price explanations ----------------------------------------------------------------------------------------------
def test_a_price_is_explained_by_the_rules_of_that_time(owner: Client, server: Client, billo: Brand) -> None:
    minimum = {"conditions": [{"kind": "min_subtotal", "value": "50"}]}
    ran = PromotionFactory(brand=billo, name="Autumn", extra=minimum)
    pk = reserve_order(server, codes=[], customer_id="c1")["id"]
    Promotion.objects.filter(pk=ran.pk).update(name="Changed", offer={"benefits": []})

    page = text(owner.get(f"/admin/checkout/redemption/{pk}/why/"))

    assert "Autumn" in page
    assert "Changed" not in page
    assert "Minimum purchase amount" in page
    assert f"/admin/checkout/redemption/{pk}/why/" in text(owner.get(f"/admin/checkout/redemption/{pk}/change/"))


def test_an_explanation_does_not_name_offers_of_other_brands(
    owner: Client, server: Client, stranger: Client, billo: Brand
) -> None:
    cake = Brand.objects.get(slug="cake")
    PromotionFactory(brand=billo, name="Mine")
    PromotionFactory(brand=cake, name="Secret", percent="90", extra={"exclusive": True})
    both = [line(), line(id="b", brand="cake")]
    pk = reserve_order(server, codes=[], customer_id="c1", lines=both)["id"]

    page = text(owner.get(f"/admin/checkout/redemption/{pk}/why/"))

    assert "Mine" in page
    assert "Secret" not in page
    assert stranger.get(f"/admin/checkout/redemption/{pk}/why/").status_code == 404


def test_the_explanation_of_an_order_without_a_record_says_so(owner: Client, server: Client) -> None:
    pk = reserve_order(server, **cart(codes=[], customer_id="c1"))["id"]
    Redemption.objects.update(record={})

    assert "No price record." in text(owner.get(f"/admin/checkout/redemption/{pk}/why/"))


def test_shipping_methods_minimum_prices_types_and_pricing_options_apply(owner: Client, billo: Brand) -> None:
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

    with_minimum = text(owner.post(SIMULATOR, build_form(shoe, promotions=[str(half.pk)])))
    shipped = text(
        owner.post(SIMULATOR, build_form(shoe, shipping=methods, transaction_type="topup", promotions=[str(free.pk)]))
    )
    bought = text(owner.post(SIMULATOR, build_form(shoe, shipping=methods, promotions=[str(free.pk)])))
    up, down = (
        text(owner.post(SIMULATOR, build_form(hat, promotions=[str(odd.pk)], pricing_rounding=name)))
        for name in ("", "down")
    )

    assert 'Discount</p><p class="pp-number">€2.00' in with_minimum
    assert 'Discount</p><p class="pp-number">€9.99' in shipped
    assert 'Discount</p><p class="pp-number">€0.00' in bought
    assert 'Discount</p><p class="pp-number">€0.03' in up  # 2.5 cents, half up
    assert 'Discount</p><p class="pp-number">€0.02' in down


BAD = [
    ("shipping", "4.99\n5.99"), ("shipping", "a 1\na 2"), ("shipping", "express"), ("shipping", "express 1.001"),
    ("shipping", "x" * 65 + " 1.00"), ("shipping", "\n".join(f"m{n} 1" for n in range(21))), ("shipping", "a -1"),
    ("line-0-min_unit_price", "x"), ("line-0-min_unit_price", "-1"), ("pricing_rounding", "sideways"),
    ("transaction_type", "x" * 101),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_invalid_values_are_reported_at_their_fields(name: str, value: str, owner: Client) -> None:
    page = text(owner.post(SIMULATOR, build_form() | {name: value}))

    assert "pp-bad" in page
    assert 'id="answer"' not in page


# --- backtests -------------------------------------------------------------------------------------------------------
def build_backtest_form(promotion: Promotion, /, **changes: str) -> dict[str, str]:
    today = timezone.now().date().isoformat()
    return {"promotion": str(promotion.pk), "first": today, "last": today} | changes


def test_a_backtest_is_created_and_shown(
    owner: Client, viewer: Client, server: Client, billo: Brand, run_outbox: Callable[[], int]
) -> None:
    PromotionFactory(brand=billo, name="Past offer", extra={"group": "g"})
    post_action(server, reserve_order(server, codes=[], customer_id="c1"), "confirm")
    draft = PromotionFactory(brand=billo, name="Quarter off", percent="25", decision="draft", extra={"group": "g"})

    created = owner.post(f"{BACKTESTS}add/", build_backtest_form(draft))
    pending = text(owner.get(created["Location"]))
    progress = created["Location"].replace("change", "progress")
    polled = owner.get(progress)
    run_outbox()

    assert progress in pending
    assert "HX-Refresh" not in polled
    done = text(viewer.get(created["Location"]))
    assert progress not in done
    assert "€30.00" in done
    assert "€18.00" in done
    assert "Past offer" in done
    assert "<svg" in done
    assert owner.get(progress)["HX-Refresh"] == "true"
    assert "Quarter off" in text(viewer.get(BACKTESTS))


def test_an_editor_cancels_a_backtest(owner: Client, viewer: Client, billo: Brand) -> None:
    owner.post(f"{BACKTESTS}add/", build_backtest_form(PromotionFactory(brand=billo, decision="draft")))
    backtest = Backtest.objects.get()
    path = f"{BACKTESTS}{backtest.pk}/cancel/"

    assert viewer.post(path).status_code == 403
    assert owner.get(path).status_code == 405
    assert owner.post(path).status_code == 302
    backtest.refresh_from_db()
    assert backtest.state == "cancelled"


def test_a_backtest_of_the_previous_release_is_shown(owner: Client, billo: Brand, at: datetime) -> None:
    promotion = PromotionFactory(brand=billo, decision="draft")
    backtest = Backtest.objects.create(
        brand=billo, promotion=promotion, title="Old", offer=promotion.offer, currency="EUR", state="done",
        start=at - timedelta(days=1), end=at, carts_seen=2, affected=2,
        results={
            "currencies": {"EUR": {"cost": 5000, "extra": 3000}}, "uses": 2, "spent": 5000, "drifted": 0,
            "unreadable": 0,
            "overlap": {
                "promotion:1": {
                    "kind": "promotion", "title": "Ten off", "lost": 2, "changed": 0, "less": {"EUR": 2000},
                },
                "others": {"kind": "", "title": "others", "lost": 0, "changed": 1, "less": {"EUR": 100}},
            },
            "days": {at.date().isoformat(): {"seen": 2, "touched": 2, "extra": {"EUR": 3000}}},
        },
    )  # fmt: skip

    page = text(owner.get(f"{BACKTESTS}{backtest.pk}/change/"))

    for content in ("€50.00", "€30.00", "Ten off", "€20.00", "Other offers", "100.0% of the orders analyzed"):
        assert content in page, content


@pytest.mark.parametrize(
    "changes", [{"last": "2020-01-01"}, {"first": "2020-01-01"}, {"first": "x"}, {"promotion": "x"}]
)
def test_an_invalid_backtest_is_reported_on_the_page(changes: dict[str, str], owner: Client, billo: Brand) -> None:
    page = text(owner.post(f"{BACKTESTS}add/", build_backtest_form(PromotionFactory(brand=billo), **changes)))

    assert "pp-bad" in page
    assert not Backtest.objects.exists()


def test_a_second_unfinished_backtest_is_reported_on_the_page(owner: Client, billo: Brand) -> None:
    draft = PromotionFactory(brand=billo, decision="draft")
    owner.post(f"{BACKTESTS}add/", build_backtest_form(draft))

    assert "pp-bad" in text(owner.post(f"{BACKTESTS}add/", build_backtest_form(draft)))
    assert Backtest.objects.count() == 1


def test_backtests_are_visible_only_to_the_brand(owner: Client, viewer: Client, stranger: Client, billo: Brand) -> None:
    draft = PromotionFactory(brand=billo, name="Secret", decision="draft")
    owner.post(f"{BACKTESTS}add/", build_backtest_form(draft))
    backtest = Backtest.objects.get()

    assert viewer.get(f"{BACKTESTS}add/").status_code == 403
    assert "Secret" not in text(stranger.get(BACKTESTS))
    assert "Secret" not in text(stranger.get(f"{BACKTESTS}add/"))
    assert (
        stranger.post(f"{BACKTESTS}add/", build_backtest_form(draft)).status_code == 200
    )  # the form again, without that promotion
    PromotionFactory(brand=Brand.objects.get(slug="cake"), decision="draft")
    assert "Select a valid choice" in text(stranger.post(f"{BACKTESTS}add/", build_backtest_form(draft)))
    for name in ("change", "progress"):
        assert stranger.get(f"{BACKTESTS}{backtest.pk}/{name}/").status_code == 404
    assert stranger.post(f"{BACKTESTS}{backtest.pk}/cancel/").status_code == 404
    assert Backtest.objects.get().state == "waiting"
    assert Backtest.objects.count() == 1


def test_the_number_of_queries_is_independent_of_the_promotions(owner: Client, billo: Brand) -> None:
    def count_queries() -> int:
        with CaptureQueriesContext(connection) as queries:
            text(
                owner.post(
                    SIMULATOR, build_form(promotions=[str(promotion.pk) for promotion in Promotion.objects.all()])
                )
            )
        return len(queries)

    PromotionFactory(brand=billo)
    few = count_queries()
    PromotionFactory.create_batch(10, brand=billo)

    assert count_queries() == few


def test_progress_is_the_analyzed_share_of_the_period(billo: Brand, at: datetime) -> None:
    backtest = Backtest(start=at, end=at + timedelta(days=10))
    percentages = [get_progress(backtest)]
    for days in (0, 5, 10):
        backtest.cursor = ids.min_uuid7_at(at + timedelta(days=days))
        percentages.append(get_progress(backtest))

    assert percentages == [0, 0, 50, 100]

"""A shopper uses a code, once."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.contracts import Shopper
from core.errors import NotFound, TokenInvalid
from core.ids import uuid7
from discounts import services
from discounts.errors import CartRequired
from discounts.models import Usage, UsageNotification, UsageReturn
from discounts.services import redemptions
from promotions.errors import AudienceNotMember, CodeAlreadyUsed, CodeExpired, CodeInactive, CodeNotFound
from segments.services import apply_audience
from tests.factories import BrandFactory, CustomerFactory, DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper() -> Shopper:
    user = ShopperFactory()
    return Shopper(user.customer.pk, user.customer.customer_id, user.uuid)


def use(code: str, shopper: Shopper, at: datetime, amount: int | None = None) -> services.RedemptionResult:
    return services.redeem_code(
        code=code, shopper=shopper, amount=amount, currency="EUR" if amount is not None else None, at=at
    )


def test_a_use_takes_the_percentage_off_the_amount_half_up(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN", percent=10)

    used = use("TEN", shopper, at, amount=9_995)

    assert used.discount_amount == 1_000  # 999.5 cents, half up
    assert (used.code, used.discount, used.amount, used.used_at, used.user_id) == (
        "TEN",
        10,
        9_995,
        at,
        shopper.user_id,
    )


def test_a_use_without_an_amount_is_a_use(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")

    used = use("TEN", shopper, at)

    assert used.discount_amount is None
    assert Usage.objects.get().reserved_until is None


def test_a_second_use_is_refused_and_leaves_the_first(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    first = use("TEN", shopper, at)

    with pytest.raises(CodeAlreadyUsed):
        use("TEN", shopper, at + timedelta(days=1))

    assert Usage.objects.get().pk == first.id
    assert UsageNotification.objects.count() == 1


def test_another_shopper_uses_the_same_code(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    other = ShopperFactory()
    use("TEN", shopper, at)

    use("TEN", Shopper(other.customer.pk, other.customer.customer_id), at)

    assert Usage.objects.count() == 2


def test_an_unknown_code_is_refused(shopper: Shopper, at: datetime) -> None:
    with pytest.raises(CodeNotFound):
        use("NOSUCH", shopper, at)


def test_an_inactive_code_is_refused(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="OFF", is_active=False)

    with pytest.raises(CodeInactive):
        use("OFF", shopper, at)

    assert not Usage.objects.exists()
    assert not UsageNotification.objects.exists()


def test_validity_ends_at_its_very_instant(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN", validity=at)

    with pytest.raises(CodeExpired):
        use("TEN", shopper, at)

    assert use("TEN", shopper, at - timedelta(microseconds=1)).code == "TEN"


def test_a_code_for_an_audience_is_for_its_members(shopper: Shopper, at: datetime) -> None:
    code = DiscountCodeFactory(text="FRIENDS", audience="friends")

    with pytest.raises(AudienceNotMember):
        use("FRIENDS", shopper, at)
    assert not Usage.objects.exists()

    apply_audience(brand=code.brand, segment_type="friends", operation="add", customer_ids=[shopper.customer_id])
    assert use("FRIENDS", shopper, at).code == "FRIENDS"


def test_another_brands_audience_of_the_same_name_does_not_count(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="FRIENDS", audience="friends")
    apply_audience(brand=BrandFactory(), segment_type="friends", operation="add", customer_ids=[shopper.customer_id])

    with pytest.raises(AudienceNotMember):
        use("FRIENDS", shopper, at)


def test_a_rule_with_terms_is_for_checkout(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="BIG", terms={"conditions": [{"kind": "min_subtotal", "value": "50.00"}]})

    with pytest.raises(CartRequired):
        use("BIG", shopper, at, amount=10_000)

    assert not Usage.objects.exists()


def test_a_user_who_was_deactivated_since_signing_in_uses_nothing(at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    user = ShopperFactory(is_active=False)

    with pytest.raises(TokenInvalid):
        use("TEN", Shopper(user.customer.pk, user.customer.customer_id), at)

    assert not Usage.objects.exists()


def test_a_use_given_back_can_be_had_again(shopper: Shopper, at: datetime) -> None:
    code = DiscountCodeFactory(text="TEN")
    first = use("TEN", shopper, at, amount=1_000)

    services.return_redemption(usage_id=first.id, brand=code.brand, at=at)
    second = use("TEN", shopper, at)

    assert second.id != first.id
    returned = UsageReturn.objects.get()
    assert (returned.usage_id, returned.returned_at, returned.discount_amount) == (first.id, at, 100)


def test_giving_back_twice_is_giving_back_once(shopper: Shopper, at: datetime) -> None:
    code = DiscountCodeFactory(text="TEN")
    first = use("TEN", shopper, at)
    services.return_redemption(usage_id=first.id, brand=code.brand, at=at)
    second = use("TEN", shopper, at)

    services.return_redemption(usage_id=first.id, brand=code.brand, at=at)

    assert Usage.objects.get().pk == second.id
    assert UsageReturn.objects.count() == 1


def test_another_brand_cannot_give_a_use_back(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    used = use("TEN", shopper, at)

    with pytest.raises(NotFound):
        services.return_redemption(usage_id=used.id, brand=BrandFactory(), at=at)

    assert Usage.objects.count() == 1
    assert not UsageReturn.objects.exists()


def ask(code: str, shopper: Shopper, at: datetime, **more: Any) -> redemptions._BatchItem:
    return redemptions._BatchItem(
        **({"code": code, "customer": shopper.id, "id": uuid7(), "at": at, "amount": None, "currency": None} | more)
    )


def test_of_several_asks_by_one_shopper_in_one_statement_the_first_has_the_use(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    DiscountCodeFactory(text="TWENTY", percent=20)
    DiscountCodeFactory(text="OFF", is_active=False)
    other = ShopperFactory()
    another = Shopper(other.customer.pk, other.customer.customer_id)
    asks = [
        ask("TEN", shopper, at),
        ask("NOSUCH", shopper, at),
        ask("TEN", shopper, at),
        ask("TWENTY", shopper, at, amount=1_000, currency="EUR"),
        ask("OFF", shopper, at),
        ask("TEN", another, at),
        ask("TWENTY", shopper, at),
    ]

    rows = redemptions._redeem_batch(asks)

    taken = [number for number, row in enumerate(rows) if row["id"]]
    assert [row["text"] for row in rows] == ["TEN", None, "TEN", "TWENTY", "OFF", "TEN", "TWENTY"]
    assert taken == [0, 3, 5]
    assert [rows[number]["id"] for number in taken] == [asks[number].id for number in taken]
    assert (rows[3]["discount_amount"], rows[0]["discount_amount"]) == (200, None)
    assert Usage.objects.count() == UsageNotification.objects.count() == 3


def test_each_ask_of_a_statement_is_judged_for_itself(shopper: Shopper, at: datetime) -> None:
    """An ask that comes too late takes nothing from the same shopper's later one that is in time."""
    DiscountCodeFactory(text="TEN", validity=at)

    late, in_time = redemptions._redeem_batch([ask("TEN", shopper, at), ask("TEN", shopper, at - timedelta(seconds=1))])

    assert late["id"] is None
    assert in_time["id"] == Usage.objects.get().pk


def test_an_ask_that_is_sent_again_has_what_it_had_and_the_brand_is_told_once(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    asks = [ask("TEN", shopper, at, amount=1_000, currency="EUR"), ask("TEN", shopper, at)]

    before, after = redemptions._redeem_batch(asks), redemptions._redeem_batch(asks)

    assert before == after
    assert Usage.objects.count() == UsageNotification.objects.count() == 1


def test_a_customer_without_a_user_is_no_caller(at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    customer = CustomerFactory()

    with pytest.raises(TokenInvalid):
        use("TEN", Shopper(customer.pk, customer.customer_id), at)

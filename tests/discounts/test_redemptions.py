"""Services that redeem codes and return redemptions."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.contracts import Shopper
from core.errors import NotFound, TokenInvalid
from core.ids import uuid7
from discounts import services
from discounts.models import Usage, UsageReturn
from discounts.services import redemptions
from redemptions.errors import AudienceNotMember, CartRequired, CodeAlreadyUsed, CodeExpired, CodeInactive, CodeNotFound
from segments.services import apply_audience
from tests.factories import BrandFactory, CustomerFactory, DiscountCodeFactory, ShopperFactory
from tests.redemptions.events import count_confirmed

pytestmark = pytest.mark.django_db


@pytest.fixture
def shopper() -> Shopper:
    user = ShopperFactory()
    return Shopper(user.customer.pk, user.customer.customer_id, user.uuid)


def redeem(code: str, shopper: Shopper, at: datetime, amount: int | None = None) -> services.RedemptionResult:
    return services.redeem_code(
        code=code, shopper=shopper, amount=amount, currency="EUR" if amount is not None else None, at=at
    )


def test_the_discount_is_rounded_half_up(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN", percent=10)

    result = redeem("TEN", shopper, at, amount=9_995)

    assert result.discount_amount == 1_000  # 999.5 cents, half up
    assert (result.code, result.discount, result.amount, result.redeemed_at, result.user_id) == (
        "TEN",
        10,
        9_995,
        at,
        shopper.user_id,
    )


def test_a_code_can_be_redeemed_without_an_amount(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")

    result = redeem("TEN", shopper, at)

    assert result.discount_amount is None
    assert Usage.objects.get().reserved_until is None


def test_a_second_redemption_is_rejected_and_keeps_the_first(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    first = redeem("TEN", shopper, at)

    with pytest.raises(CodeAlreadyUsed):
        redeem("TEN", shopper, at + timedelta(days=1))

    assert Usage.objects.get().pk == first.id
    assert count_confirmed() == 1


def test_two_shoppers_can_redeem_the_same_code(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    other = ShopperFactory()
    redeem("TEN", shopper, at)

    redeem("TEN", Shopper(other.customer.pk, other.customer.customer_id), at)

    assert Usage.objects.count() == 2


def test_an_unknown_code_is_rejected(shopper: Shopper, at: datetime) -> None:
    with pytest.raises(CodeNotFound):
        redeem("NOSUCH", shopper, at)


def test_an_inactive_code_is_rejected(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="OFF", decision="paused")

    with pytest.raises(CodeInactive):
        redeem("OFF", shopper, at)

    assert not Usage.objects.exists()
    assert count_confirmed() == 0


def test_a_code_ends_exactly_at_its_validity(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN", end_date=at)

    with pytest.raises(CodeExpired):
        redeem("TEN", shopper, at)

    assert redeem("TEN", shopper, at - timedelta(microseconds=1)).code == "TEN"


def test_only_members_can_redeem_a_code_for_an_audience(shopper: Shopper, at: datetime) -> None:
    code = DiscountCodeFactory(text="FRIENDS", audience="friends")

    with pytest.raises(AudienceNotMember):
        redeem("FRIENDS", shopper, at)
    assert not Usage.objects.exists()

    apply_audience(brand=code.brand, segment_type="friends", operation="add", customer_ids=[shopper.customer_id])
    assert redeem("FRIENDS", shopper, at).code == "FRIENDS"


def test_an_audience_of_another_brand_with_the_same_name_does_not_count(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="FRIENDS", audience="friends")
    apply_audience(brand=BrandFactory(), segment_type="friends", operation="add", customer_ids=[shopper.customer_id])

    with pytest.raises(AudienceNotMember):
        redeem("FRIENDS", shopper, at)


def test_a_code_with_terms_can_only_be_redeemed_at_checkout(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="BIG", terms={"conditions": [{"kind": "min_subtotal", "value": "50.00"}]})

    with pytest.raises(CartRequired):
        redeem("BIG", shopper, at, amount=10_000)

    assert not Usage.objects.exists()


def test_a_deactivated_user_cannot_redeem(at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    user = ShopperFactory(is_active=False)

    with pytest.raises(TokenInvalid):
        redeem("TEN", Shopper(user.customer.pk, user.customer.customer_id), at)

    assert not Usage.objects.exists()


def test_a_returned_code_can_be_redeemed_again(shopper: Shopper, at: datetime) -> None:
    code = DiscountCodeFactory(text="TEN")
    first = redeem("TEN", shopper, at, amount=1_000)

    services.return_redemption(usage_id=first.id, brand_id=code.brand_id, at=at)
    second = redeem("TEN", shopper, at)

    assert second.id != first.id
    returned = UsageReturn.objects.get()
    assert (returned.usage_id, returned.returned_at, returned.discount_amount) == (first.id, at, 100)


def test_returning_twice_returns_once(shopper: Shopper, at: datetime) -> None:
    code = DiscountCodeFactory(text="TEN")
    first = redeem("TEN", shopper, at)
    services.return_redemption(usage_id=first.id, brand_id=code.brand_id, at=at)
    second = redeem("TEN", shopper, at)

    services.return_redemption(usage_id=first.id, brand_id=code.brand_id, at=at)

    assert Usage.objects.get().pk == second.id
    assert UsageReturn.objects.count() == 1


def test_another_brand_cannot_return_a_redemption(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    result = redeem("TEN", shopper, at)

    with pytest.raises(NotFound):
        services.return_redemption(usage_id=result.id, brand_id=BrandFactory().pk, at=at)

    assert Usage.objects.count() == 1
    assert not UsageReturn.objects.exists()


def batch_item(code: str, shopper: Shopper, at: datetime, **more: Any) -> redemptions._BatchItem:
    return redemptions._BatchItem(
        **(
            {
                "code": code,
                "brand": None,
                "customer": shopper.id,
                "id": uuid7(),
                "at": at,
                "amount": None,
                "currency": None,
            }
            | more
        )
    )


def test_the_first_of_several_requests_in_a_batch_gets_the_redemption(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    DiscountCodeFactory(text="TWENTY", percent=20)
    DiscountCodeFactory(text="OFF", decision="paused")
    other = ShopperFactory()
    another = Shopper(other.customer.pk, other.customer.customer_id)
    items = [
        batch_item("TEN", shopper, at),
        batch_item("NOSUCH", shopper, at),
        batch_item("TEN", shopper, at),
        batch_item("TWENTY", shopper, at, amount=1_000, currency="EUR"),
        batch_item("OFF", shopper, at),
        batch_item("TEN", another, at),
        batch_item("TWENTY", shopper, at),
    ]

    rows = redemptions._redeem_batch(items)

    redeemed = [number for number, row in enumerate(rows) if row["id"]]
    assert [row["text"] for row in rows] == ["TEN", None, "TEN", "TWENTY", "OFF", "TEN", "TWENTY"]
    assert redeemed == [0, 3, 5]
    assert [rows[number]["id"] for number in redeemed] == [items[number].id for number in redeemed]
    assert (rows[3]["discount_amount"], rows[0]["discount_amount"]) == (200, None)
    assert Usage.objects.count() == count_confirmed() == 3


def test_each_request_of_a_batch_is_checked_at_its_own_time(shopper: Shopper, at: datetime) -> None:
    """A request after the end of the code must not block an earlier request of the same customer in the batch."""
    DiscountCodeFactory(text="TEN", end_date=at)

    late, in_time = redemptions._redeem_batch(
        [batch_item("TEN", shopper, at), batch_item("TEN", shopper, at - timedelta(seconds=1))]
    )

    assert late["id"] is None
    assert in_time["id"] == Usage.objects.get().pk


def test_a_retried_batch_returns_the_same_rows_and_notifies_once(shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    items = [batch_item("TEN", shopper, at, amount=1_000, currency="EUR"), batch_item("TEN", shopper, at)]

    before, after = redemptions._redeem_batch(items), redemptions._redeem_batch(items)

    assert before == after
    assert Usage.objects.count() == count_confirmed() == 1


def test_a_customer_without_a_user_cannot_redeem(at: datetime) -> None:
    DiscountCodeFactory(text="TEN")
    customer = CustomerFactory()

    with pytest.raises(TokenInvalid):
        redeem("TEN", Shopper(customer.pk, customer.customer_id), at)

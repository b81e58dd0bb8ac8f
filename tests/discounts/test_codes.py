"""A brand makes, changes and withdraws its codes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.errors import InvalidRequest
from core.models import OutboxMessage
from discounts import services
from discounts.errors import DiscountOutOfRange, ValidityInPast
from discounts.models import DiscountCode, DiscountRule
from discounts.services.partitions import create_partitions
from promotions.errors import CodeTaken
from promotions.models import Code
from tests.factories import BrandFactory, DiscountCodeFactory, DiscountRuleFactory

pytestmark = pytest.mark.django_db


def make(at: datetime, **changes: Any) -> DiscountCode:
    asked: dict[str, Any] = {
        "brand": None, "text": "SUMMER", "rule": {"discount": 10}, "validity": at + timedelta(days=1), "notify": True,
        "by": None, "at": at,
    }  # fmt: skip
    asked |= changes
    return services.create_code(**asked | {"brand": asked["brand"] or BrandFactory()})


def test_a_code_is_stored_upper_case_without_surrounding_space(at: datetime) -> None:
    assert make(at, text="  ahmed2022billo ").code_id == "AHMED2022BILLO"


def test_a_code_that_is_to_be_announced_promises_it(at: datetime) -> None:
    make(at, text="LOUD")
    make(at, text="QUIET", notify=False)

    assert [message.kwargs for message in OutboxMessage.objects.filter(task="discounts.announce")] == [{"code": "LOUD"}]


@pytest.mark.parametrize("text", ["AB", "A" * 65, "SÜSS", "A B", "", "A\nB", "\uff21\uff22\uff23"])
def test_a_string_that_can_be_no_code_is_refused(text: str, at: datetime) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make(at, text=text)

    assert refused.value.errors
    assert refused.value.errors[0]["field"] == "id"
    assert not Code.objects.exists()


def test_a_code_is_taken_once_across_brands_and_kinds_and_cases(at: datetime) -> None:
    make(at, text="SUMMER")

    with pytest.raises(CodeTaken), transaction.atomic():
        make(at, text="summer", rule={"discount": 20})

    assert DiscountCode.objects.count() == 1
    assert DiscountRule.objects.count() == 1


@pytest.mark.parametrize("discount", [0, 100, -1, 150, 9.5, "10", True, None])
def test_a_discount_is_a_whole_percentage_between_0_and_100(discount: object, at: datetime) -> None:
    with pytest.raises(DiscountOutOfRange):
        make(at, rule={"discount": discount})

    assert not DiscountRule.objects.exists()


@pytest.mark.parametrize("discount", [1, 99])
def test_1_and_99_per_cent_are_discounts(discount: int, at: datetime) -> None:
    assert make(at, rule={"discount": discount}).rule.discount == discount


def test_a_validity_in_the_past_is_refused(at: datetime) -> None:
    with pytest.raises(ValidityInPast):
        make(at, validity=at)

    assert not DiscountCode.objects.exists()


def test_codes_of_one_brand_share_a_rule(at: datetime) -> None:
    rule = DiscountRuleFactory()

    first, second = (make(at, brand=rule.brand, text=text, rule=rule.pk) for text in ("ONE", "TWO"))

    assert first.rule == second.rule == rule


def test_another_brands_rule_is_not_there(at: datetime) -> None:
    with pytest.raises(InvalidRequest):
        make(at, rule=DiscountRuleFactory().pk)

    assert not DiscountCode.objects.exists()


def test_the_database_itself_refuses_another_brands_rule() -> None:
    code = DiscountCodeFactory()

    with pytest.raises(IntegrityError, match="discounts_code_rule_of_its_brand"), transaction.atomic():
        DiscountCode.objects.filter(pk=code.pk).update(rule=DiscountRuleFactory())


def test_terms_that_make_no_offer_are_refused_with_their_place(at: datetime) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make(at, rule={"discount": 10, "conditions": [{"kind": "min_subtotal", "value": "a lot"}]})

    assert [error["field"] for error in refused.value.errors or []] == ["rule.conditions.0.value"]


def test_a_field_that_no_rule_has_is_refused(at: datetime) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make(at, rule={"discount": 10, "benefits": []})

    assert [error["field"] for error in refused.value.errors or []] == ["rule.benefits"]


def test_a_code_is_switched_off_and_on_again(at: datetime) -> None:
    code = make(at)

    services.deactivate(code=code)
    services.deactivate(code=code)
    code.refresh_from_db()
    assert not code.is_active

    services.change_code(code=code, at=at, is_active=True, validity=at + timedelta(days=9))
    code.refresh_from_db()
    assert code.is_active
    assert code.validity == at + timedelta(days=9)


def test_a_code_cannot_be_made_to_have_ended(at: datetime) -> None:
    code = make(at)

    with pytest.raises(ValidityInPast):
        services.change_code(code=code, at=at, validity=at - timedelta(days=1))


def test_room_in_the_table_of_uses_is_made_ahead() -> None:
    DiscountCodeFactory(id=21_000)

    assert create_partitions() == 4  # 15,000 to 35,000: this one's partition, the one before it and two ahead
    assert create_partitions() == 0

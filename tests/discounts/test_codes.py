"""Services that create, change and pause discount codes."""

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
from redemptions.codes.models import Code
from redemptions.errors import CodeTaken
from tests.factories import BrandFactory, DiscountCodeFactory, DiscountRuleFactory

pytestmark = pytest.mark.django_db


def create(at: datetime, **changes: Any) -> DiscountCode:
    arguments: dict[str, Any] = {
        "brand": None, "text": "SUMMER", "rule": {"discount": 10}, "validity": at + timedelta(days=1), "notify": True,
        "by": None, "at": at,
    }  # fmt: skip
    arguments |= changes
    return services.create_code(**arguments | {"brand": arguments["brand"] or BrandFactory()})


def test_a_code_is_stored_in_upper_case_without_surrounding_space(at: datetime) -> None:
    assert create(at, text="  ahmed2022billo ").code == "AHMED2022BILLO"


def test_creating_a_code_with_notify_enqueues_its_announcement(at: datetime) -> None:
    loud = create(at, text="LOUD")
    create(at, text="QUIET", notify=False)

    assert [message.kwargs for message in OutboxMessage.objects.filter(task="discounts.announce")] == [
        {"offer": str(loud.offer_id)}
    ]


@pytest.mark.parametrize("text", ["AB", "A" * 65, "SÜSS", "A B", "", "A\nB", "\uff21\uff22\uff23"])
def test_an_invalid_code_text_is_rejected(text: str, at: datetime) -> None:
    with pytest.raises(InvalidRequest) as raised:
        create(at, text=text)

    assert raised.value.errors
    assert raised.value.errors[0]["field"] == "id"
    assert not Code.objects.exists()


def test_a_code_is_unique_within_its_brand_in_any_spelling(at: datetime) -> None:
    brand = BrandFactory()
    create(at, brand=brand, text="SUMMER")

    with pytest.raises(CodeTaken), transaction.atomic():
        create(at, brand=brand, text="sum-mer", rule={"discount": 20})

    assert DiscountCode.objects.count() == 1
    assert DiscountRule.objects.count() == 1


@pytest.mark.parametrize("discount", [0, 100, -1, 150, 9.5, "10", True, None])
def test_a_discount_outside_1_to_99_percent_is_rejected(discount: object, at: datetime) -> None:
    with pytest.raises(DiscountOutOfRange):
        create(at, rule={"discount": discount})

    assert not DiscountRule.objects.exists()


@pytest.mark.parametrize("discount", [1, 99])
def test_1_and_99_percent_are_valid_discounts(discount: int, at: datetime) -> None:
    assert create(at, rule={"discount": discount}).rule.discount == discount


def test_a_validity_in_the_past_is_rejected(at: datetime) -> None:
    with pytest.raises(ValidityInPast):
        create(at, validity=at)

    assert not DiscountCode.objects.exists()


def test_codes_of_one_brand_share_a_rule(at: datetime) -> None:
    rule = DiscountRuleFactory()

    first, second = (create(at, brand=rule.brand, text=text, rule=rule.pk) for text in ("ONE", "TWO"))

    assert first.rule == second.rule == rule


def test_a_rule_of_another_brand_is_not_found(at: datetime) -> None:
    with pytest.raises(InvalidRequest):
        create(at, rule=DiscountRuleFactory().pk)

    assert not DiscountCode.objects.exists()


def test_the_database_rejects_a_rule_of_another_brand() -> None:
    code = DiscountCodeFactory()

    with pytest.raises(IntegrityError, match="discounts_code_rule_of_its_brand"), transaction.atomic():
        DiscountCode.objects.filter(pk=code.pk).update(rule=DiscountRuleFactory())


def test_invalid_terms_are_rejected_with_their_path(at: datetime) -> None:
    with pytest.raises(InvalidRequest) as raised:
        create(at, rule={"discount": 10, "conditions": [{"kind": "min_subtotal", "value": "a lot"}]})

    assert [error["field"] for error in raised.value.errors or []] == ["rule.conditions.0.value"]


def test_an_unknown_rule_field_is_rejected(at: datetime) -> None:
    with pytest.raises(InvalidRequest) as raised:
        create(at, rule={"discount": 10, "benefits": []})

    assert [error["field"] for error in raised.value.errors or []] == ["rule.benefits"]


def test_a_code_is_paused_and_resumed(at: datetime) -> None:
    code = create(at)

    services.deactivate_code(code=code)
    services.deactivate_code(code=code)
    code.refresh_from_db()
    assert not code.is_active

    services.change_code(code=code, at=at, is_active=True, validity=at + timedelta(days=9))
    code.refresh_from_db()
    assert code.is_active
    assert code.validity == at + timedelta(days=9)


def test_a_code_cannot_be_changed_to_end_in_the_past(at: datetime) -> None:
    code = create(at)

    with pytest.raises(ValidityInPast):
        services.change_code(code=code, at=at, validity=at - timedelta(days=1))


def test_partitions_are_created_in_advance() -> None:
    DiscountCodeFactory(id=21_000)

    assert create_partitions() == 4  # 15,000 to 35,000: the code's partition, the one before it and two ahead
    assert create_partitions() == 0

"""Services that create, change, end and duplicate discount codes."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Brand
from core.errors import InvalidRequest
from core.models import OutboxMessage
from discounts import selectors, services
from discounts.errors import DiscountOutOfRange, ValidityInPast
from discounts.models import DiscountCode, DiscountRule
from discounts.services.partitions import create_partitions
from redemptions.codes.models import Code
from redemptions.errors import CodeTaken
from redemptions.lifecycle import Action
from tests.factories import BrandFactory, DiscountCodeFactory, DiscountRuleFactory
from tests.redemptions.events import iter_types

pytestmark = pytest.mark.django_db


def create(at: datetime, **changes: Any) -> DiscountCode:
    arguments: dict[str, Any] = {
        "brand": None, "text": "SUMMER", "rule": {"discount": 10}, "validity": at + timedelta(days=1), "notify": True,
        "by": None, "at": at,
    }  # fmt: skip
    arguments |= changes
    return services.create_code(**arguments | {"brand": arguments["brand"] or BrandFactory()})


@pytest.fixture
def brand() -> Brand:
    return BrandFactory()


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


def test_a_code_starts_at_its_start_date(at: datetime) -> None:
    code = create(at, start_date=at + timedelta(hours=1))

    assert code.status_at(at) == "scheduled"
    assert code.status_at(at + timedelta(hours=1)) == "active"
    assert code.status_at(at + timedelta(days=1)) == "ended"
    with pytest.raises(InvalidRequest):
        create(at, text="WINTER", start_date=at + timedelta(days=1))


def test_the_rule_and_the_start_of_a_code_change_until_it_starts(at: datetime) -> None:
    code = create(at, start_date=at + timedelta(hours=1))

    services.change_code(code=code, fields={"rule": {"discount": 20}}, at=at)
    services.change_code(code=code, fields={"start_date": at}, at=at)
    code.refresh_from_db()
    assert (code.rule.discount, code.start_date) == (20, at)

    services.change_code(code=code, fields={"rule": code.rule_id, "start_date": at}, at=at)  # nothing new
    for fields in ({"rule": {"discount": 30}}, {"start_date": at + timedelta(hours=2)}):
        with pytest.raises(InvalidRequest) as raised:
            services.change_code(code=code, fields=fields, at=at)
        assert [error["code"] for error in raised.value.errors or []] == ["immutable"]


def test_the_text_of_an_archived_code_can_be_used_again(at: datetime, brand: Brand) -> None:
    first = create(at, brand=brand)
    services.change_decision(code=first, action=Action.END, at=at)
    with pytest.raises(CodeTaken), transaction.atomic():
        create(at, brand=brand)

    services.change_decision(code=first, action=Action.ARCHIVE, at=at)
    second = create(at, brand=brand)

    assert {second.code, first.code} == {"SUMMER"}
    assert selectors.get_code("SUMMER") == second


def test_a_deleted_draft_is_gone_and_frees_its_text(at: datetime) -> None:
    draft = create(at, is_draft=True)

    services.delete_code(code=draft, at=at)

    assert not DiscountCode.objects.exists()
    assert not Code.objects.exists()
    assert list(iter_types()) == ["offer.created", "offer.archived"]


def test_a_duplicate_gets_a_free_text_and_ends_later(at: datetime, brand: Brand) -> None:
    code = create(at, brand=brand)
    create(at, brand=brand, text="SUMMER2")
    later = at + timedelta(days=5)

    duplicate = services.duplicate_code(code=code, text=None, by=None, at=later)

    assert (duplicate.code, duplicate.decision, duplicate.rule_id) == ("SUMMER-3", "draft", code.rule_id)
    assert (duplicate.start_date, duplicate.end_date) == (later, later + timedelta(days=1))
    with pytest.raises(CodeTaken), transaction.atomic():
        services.duplicate_code(code=code, text="SUMMER", by=None, at=later)


def test_a_code_cannot_be_changed_to_end_in_the_past(at: datetime) -> None:
    code = create(at)

    with pytest.raises(ValidityInPast):
        services.change_code(code=code, at=at, fields={"end_date": at - timedelta(days=1)})


def test_partitions_are_created_in_advance() -> None:
    DiscountCodeFactory(id=21_000)

    assert create_partitions() == 4  # 15,000 to 35,000: the code's partition, the one before it and two ahead
    assert create_partitions() == 0

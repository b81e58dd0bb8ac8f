from types import ModuleType
from typing import Any

import pytest

import coupons.redeemer
import discounts.redeemer
import promotions.redeemer
import vouchers.redeemer
from promotions.checks import check_redeemers
from promotions.contracts import Redeemer
from promotions.selectors import redeemers

KINDS: list[Redeemer] = [coupons.redeemer, discounts.redeemer, promotions.redeemer, vouchers.redeemer]  # mypy compares


@pytest.fixture(autouse=True)
def fresh() -> Any:
    redeemers.cache_clear()
    yield
    redeemers.cache_clear()


def test_each_kind_is_the_module_that_the_settings_name_in_the_order_of_their_names() -> None:
    assert list(redeemers().values()) == KINDS
    assert list(redeemers()) == [redeemer.kind for redeemer in KINDS]
    assert check_redeemers() == []


def test_a_module_that_answers_for_another_kind_is_found_at_start(settings: Any) -> None:
    settings.REDEEMERS = {"voucher": "coupons.redeemer"}

    assert [fault.id for fault in check_redeemers()] == ["promotions.E001"]


def test_a_module_that_lacks_a_verb_is_found_at_start(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module: ModuleType = coupons.redeemer
    settings.REDEEMERS = {"coupon": module.__name__}

    monkeypatch.delattr(module, "refund")

    assert [fault.id for fault in check_redeemers()] == ["promotions.E001"]

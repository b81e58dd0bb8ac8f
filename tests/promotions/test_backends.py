from types import ModuleType
from typing import Any

import pytest

import coupons.backend
import discounts.backend
import promotions.backend
import vouchers.backend
from promotions.checks import check_backends
from promotions.contracts import RedemptionBackend
from promotions.selectors.backends import get_backends

KINDS: list[RedemptionBackend] = [
    coupons.backend,
    discounts.backend,
    promotions.backend,
    vouchers.backend,
]  # mypy compares


@pytest.fixture(autouse=True)
def fresh() -> Any:
    get_backends.cache_clear()
    yield
    get_backends.cache_clear()


def test_each_kind_is_the_module_that_the_settings_name_in_the_order_of_their_names() -> None:
    assert list(get_backends().values()) == KINDS
    assert list(get_backends()) == [redeemer.KIND for redeemer in KINDS]
    assert check_backends() == []


def test_a_module_that_answers_for_another_kind_is_found_at_start(settings: Any) -> None:
    settings.REDEMPTION_BACKENDS = {"voucher": "coupons.backend"}

    assert [fault.id for fault in check_backends()] == ["promotions.E001"]


def test_a_module_that_lacks_a_verb_is_found_at_start(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module: ModuleType = coupons.backend
    settings.REDEMPTION_BACKENDS = {"coupon": module.__name__}

    monkeypatch.delattr(module, "return_items")

    assert [fault.id for fault in check_backends()] == ["promotions.E001"]

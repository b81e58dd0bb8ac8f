"""System check and order of the redemption backends."""

from types import ModuleType
from typing import Any

import pytest

import coupons.backend
import discounts.backend
import promotions.backend
import vouchers.backend
from redemptions.backends import get_backends
from redemptions.checks import check_backends
from redemptions.contracts import RedemptionBackend

KINDS: list[RedemptionBackend] = [  # mypy checks that each module implements the protocol
    coupons.backend,
    discounts.backend,
    promotions.backend,
    vouchers.backend,
]


@pytest.fixture(autouse=True)
def clear_cache() -> Any:
    get_backends.cache_clear()
    yield
    get_backends.cache_clear()


def test_backends_are_loaded_from_the_settings_sorted_by_kind() -> None:
    assert list(get_backends().values()) == KINDS
    assert list(get_backends()) == [backend.KIND for backend in KINDS]
    assert check_backends() == []


def test_a_backend_of_another_kind_fails_the_system_check(settings: Any) -> None:
    settings.REDEMPTION_BACKENDS = {"voucher": "coupons.backend"}

    assert [error.id for error in check_backends()] == ["redemptions.E001"]


def test_a_backend_without_a_method_fails_the_system_check(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module: ModuleType = coupons.backend
    settings.REDEMPTION_BACKENDS = {"coupon": module.__name__}

    monkeypatch.delattr(module, "return_items")

    assert [error.id for error in check_backends()] == ["redemptions.E001"]

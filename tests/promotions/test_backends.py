"""Registration and system check of the redemption backends."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from coupons.backend import CouponBackend
from promoplatform.settings.kinds import find_backends
from redemptions.backends import get_backends
from redemptions.checks import check_backends

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clear_cache() -> Any:
    get_backends.cache_clear()
    yield
    get_backends.cache_clear()


def test_backends_are_loaded_from_the_settings_sorted_by_kind() -> None:
    assert list(get_backends()) == ["coupon", "discount_code", "promotion", "voucher"]
    assert [backend.KIND for backend in get_backends().values()] == list(get_backends())
    assert check_backends() == []


def test_a_backend_of_another_kind_fails_the_system_check(settings: Any) -> None:
    settings.REDEMPTION_BACKENDS = {"voucher": "coupons.backend.backend"}

    assert [error.id for error in check_backends()] == ["redemptions.E001"]


def test_a_backend_without_a_method_fails_the_system_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(CouponBackend, "return_items")

    assert [error.id for error in check_backends()] == ["redemptions.E001"]


# --- entry points ----------------------------------------------------------------------------------------------------
def install(path: Path, kind: str, name: str = "loyalty") -> None:
    """Install a package that has only metadata, with a backend of a kind."""
    info = path / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[promoplatform.redemption_backends]\n{kind} = tests.loyalty.backend:backend\n"
    )


def test_an_installed_package_adds_its_kind_and_its_app(tmp_path: Path) -> None:
    install(tmp_path, "loyalty_reward")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "promoplatform.settings.base", "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }  # fmt: skip
    code = (
        "import django; django.setup(); from redemptions.backends import get_backends;"
        "from redemptions.checks import check_backends; from django.apps import apps;"
        "print(*get_backends(), len(check_backends()), apps.get_app_config('loyalty').name)"
    )

    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)

    assert shown.stderr == ""
    assert shown.stdout.split() == [
        "coupon", "discount_code", "loyalty_reward", "promotion", "voucher", "0", "tests.loyalty",
    ]  # fmt: skip


def test_two_packages_with_the_same_kind_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "coupon")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ImproperlyConfigured, match="'coupon'"):
        find_backends(taken=["coupon"])
    install(tmp_path, "coupon", name="rival")
    with pytest.raises(ImproperlyConfigured, match="'coupon'"):
        find_backends()

"""The catalogue of refusals."""

from typing import Any

import pytest
from django.utils.translation import gettext_lazy as _

from core.errors import ERROR_CATALOG, Busy, DomainError, InvalidRequest, Throttled


@pytest.fixture(autouse=True)
def catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.errors.ERROR_CATALOG", dict(ERROR_CATALOG))


def test_a_second_class_with_the_same_code_raises_an_error() -> None:
    with pytest.raises(TypeError, match=r"'busy' is declared twice: Busy and .*Hectic"):

        class Hectic(DomainError):
            code, status, message = "busy", 409, "Very busy."

    assert ERROR_CATALOG["busy"] is Busy


def test_a_subclass_may_inherit_its_code() -> None:
    class BusyHere(Busy):
        message = _("Too much happens in this very place.")

    assert ERROR_CATALOG["busy"] is Busy
    assert BusyHere().as_dict() == {"code": "busy", "detail": "Too much happens in this very place."}


def test_the_detail_is_the_message_unless_another_is_given() -> None:
    assert str(InvalidRequest()) == str(InvalidRequest.message)
    assert InvalidRequest("Not like this.").as_dict() == {"code": "invalid", "detail": "Not like this."}


def test_as_dict_returns_code_detail_and_extensions() -> None:
    members: dict[str, Any] = {"missing": "4.10", "with": ["A"]}

    reason = InvalidRequest("No.", **members).as_dict()

    assert reason == {"code": "invalid", "detail": "No.", "missing": "4.10", "with": ["A"]}


def test_an_invalid_field_is_listed_once() -> None:
    assert InvalidRequest.field("lines", "None there.", "required").errors == [
        {"field": "lines", "code": "required", "detail": "None there."}
    ]


def test_throttled_has_the_seconds_until_the_next_attempt() -> None:
    assert Throttled(7).retry_after == 7
    assert Throttled(7).extensions == {"retry_after": 7}


@pytest.mark.parametrize("refusal", ERROR_CATALOG.values(), ids=lambda refusal: refusal.code)
def test_every_error_has_a_status_and_a_message(refusal: type[DomainError]) -> None:
    assert 400 <= refusal.status < 600
    assert str(refusal.message).endswith((".", "?"))
    assert refusal.code == refusal.code.lower()

"""Domain errors and their catalog."""

from typing import Any

import pytest
from django.utils.translation import gettext_lazy as _

from core.errors import ERROR_CATALOG, Busy, DomainError, InvalidRequest, Throttled


@pytest.fixture(autouse=True)
def error_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the error catalog."""
    monkeypatch.setattr("core.errors.ERROR_CATALOG", dict(ERROR_CATALOG))


def test_a_second_class_with_the_same_code_raises_an_error() -> None:
    with pytest.raises(TypeError, match=r"'busy' is declared twice: Busy and .*Overloaded"):

        class Overloaded(DomainError):
            code, status, message = "busy", 409, "Very busy."

    assert ERROR_CATALOG["busy"] is Busy


def test_a_subclass_may_inherit_its_code() -> None:
    class StoreBusy(Busy):
        message = _("This store is busy.")

    assert ERROR_CATALOG["busy"] is Busy
    assert StoreBusy().as_dict() == {"code": "busy", "detail": "This store is busy."}


def test_the_detail_is_the_message_unless_another_is_given() -> None:
    assert str(InvalidRequest()) == str(InvalidRequest.message)
    assert InvalidRequest("Not like this.").as_dict() == {"code": "invalid", "detail": "Not like this."}


def test_as_dict_returns_code_detail_and_extensions() -> None:
    extensions: dict[str, Any] = {"missing": "4.10", "with": ["A"]}

    document = InvalidRequest("No.", **extensions).as_dict()

    assert document == {"code": "invalid", "detail": "No.", "missing": "4.10", "with": ["A"]}


def test_an_invalid_field_is_listed_once() -> None:
    assert InvalidRequest.field("lines", "None there.", "required").errors == [
        {"field": "lines", "code": "required", "detail": "None there."}
    ]


def test_throttled_has_the_seconds_until_the_next_attempt() -> None:
    assert Throttled(7).retry_after == 7
    assert Throttled(7).extensions == {"retry_after": 7}


@pytest.mark.parametrize("error_class", ERROR_CATALOG.values(), ids=lambda error_class: error_class.code)
def test_every_error_has_a_status_and_a_message(error_class: type[DomainError]) -> None:
    assert 400 <= error_class.status < 600
    assert str(error_class.message).endswith((".", "?"))
    assert error_class.code == error_class.code.lower()

"""SQL statements from files, and translation of constraint violations."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from core import db
from core.errors import Busy, DomainError
from core.ids import uuid7
from core.models import OutboxMessage
from redemptions.errors import CodeTaken
from tests.factories import CodeFactory

pytestmark = pytest.mark.django_db
CLAIM = "core/sql/claim_due_messages.sql"


def test_a_violation_of_the_named_constraint_becomes_the_error() -> None:
    code = CodeFactory(text="SUMMER")

    with (
        pytest.raises(CodeTaken) as raised,
        transaction.atomic(),
        db.translate_constraint("redemptions_code_once_per_brand", CodeTaken, code_text="SUMMER"),
    ):
        CodeFactory._meta.model.objects.create(text="SUM-MER", kind="discount_code", brand=code.brand, offer=uuid7())

    assert raised.value.extensions == {"code_text": "SUMMER"}
    assert db.violated_constraint(raised.value.__cause__) == "redemptions_code_once_per_brand"  # type: ignore[arg-type]


def test_a_violation_of_another_constraint_is_reraised() -> None:
    with (
        pytest.raises(IntegrityError, match="promotions_code_text"),
        transaction.atomic(),
        db.translate_constraint("redemptions_code_once_per_brand", CodeTaken),
    ):
        CodeFactory(text="x")


def test_nested_translations_each_handle_their_constraint() -> None:
    with (
        pytest.raises(CodeTaken),
        db.translate_constraint("some_other", Busy),
        db.translate_constraint("promotions_code_text", CodeTaken),
    ):
        CodeFactory(text="x")


def test_a_domain_error_passes_unchanged() -> None:
    with pytest.raises(DomainError) as raised, db.translate_constraint("redemptions_code_once_per_brand", CodeTaken):
        raise Busy

    assert type(raised.value) is Busy


def test_an_error_without_a_constraint_has_no_name() -> None:
    assert db.violated_constraint(IntegrityError()) == ""


def test_rows_are_dictionaries_with_parsed_json() -> None:
    OutboxMessage.objects.create(task="a", kwargs={"list": [1, None]})

    (row,) = db.fetch_all(CLAIM, {"limit": 1, "publish_timeout": timedelta(seconds=1)})

    assert (row["task"], row["kwargs"], row["attempts"]) == ("a", {"list": [1, None]}, 1)


def test_fetch_one_returns_the_first_row_or_none() -> None:
    assert db.fetch_one(CLAIM, {"limit": 5, "publish_timeout": timedelta(0)}) is None


def test_execute_returns_the_number_of_affected_rows() -> None:
    OutboxMessage.objects.bulk_create([OutboxMessage(task="a"), OutboxMessage(task="b")])

    assert db.execute(CLAIM, {"limit": 5, "publish_timeout": timedelta(minutes=1)}) == 2
    assert db.execute(CLAIM, {"limit": 5, "publish_timeout": timedelta(minutes=1)}) == 0


def test_the_connection_works_after_a_translated_error() -> None:
    code = CodeFactory(text="SUMMER")
    with (
        pytest.raises(CodeTaken),
        db.translate_constraint("redemptions_code_once_per_brand", CodeTaken),
        transaction.atomic(),
    ):
        CodeFactory(text="SUM-MER", brand=code.brand)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM promotions_code")
        assert cursor.fetchone() == (1,)

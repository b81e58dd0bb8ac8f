"""Every column that leads to a person is registered, with what a merge, an export and an erasure do with it."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from core.privacy import Erasure, Merge, Person, PersonalColumn, PersonalTable, list_impersonal, list_tables

CONTACT = re.compile(
    r"customer_id|(.*_)?(customers?|users?|e?mails?|phones?|address(es)?|name|username|identit(y|ies)|recipient|device|slot|person|note"
    r"|external_id|(?<!in_)order)"
)
FREE_TYPES = (models.JSONField, models.BinaryField, models.EmailField, models.TextField, models.GenericIPAddressField)
NEUTRAL_TYPES = (models.BooleanField, models.DateTimeField, models.PositiveIntegerField)
PERSONS = ("accounts.Customer", "accounts.User")
OWN_COLUMNS = re.compile(r"pgh_(label|slug|context|context_id)")  # of history, which name no person
VIEWS = ("pghistory.Events", "pghistory.MiddlewareEvents")  # of the rows of history, which have tables of their own


def leads_to_person(column: Any) -> bool:
    """Return whether a column is a key of a person, has the name of a contact, or can contain any text."""
    if isinstance(column, models.ForeignKey):
        label = column.remote_field.model._meta.label
        return label in PERSONS
    if OWN_COLUMNS.fullmatch(column.name) or column.choices:
        return False
    if isinstance(column, FREE_TYPES):
        return True
    return bool(CONTACT.fullmatch(column.name)) and not isinstance(column, NEUTRAL_TYPES)


def find_registered() -> set[str]:
    """Return the registered columns, ``app.Model.column``."""
    personal = {f"{table.model}.{column.name}" for table in list_tables() for column in table.columns}
    return personal | set(list_impersonal())


def find_columns() -> Iterator[tuple[str, str]]:
    """Yield each column that leads to a person, with the same column of the model whose history it is, if any."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.label in VIEWS or model._meta.proxy:
            continue
        tracked = getattr(model, "pgh_tracked_model", model)
        for column in model._meta.concrete_fields:
            if leads_to_person(column):
                yield f"{model._meta.label}.{column.name}", f"{tracked._meta.label}.{column.name}"


def test_every_column_that_leads_to_a_person_is_registered() -> None:
    registered, impersonal = find_registered(), set(list_impersonal())

    missing = [name for name, tracked in find_columns() if name not in registered and tracked not in impersonal]

    assert missing == [], "name them in personal_data.py of their app"


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (models.ForeignKey("accounts.Customer", models.CASCADE, name="buyer"), True),
        (models.ForeignKey("accounts.Brand", models.CASCADE, name="brand"), False),
        (models.EmailField(name="contact"), True),
        (models.CharField(name="phone"), True),
        (models.BigIntegerField(name="customer_id"), True),
        (models.JSONField(name="payload"), True),
        (models.TextField(name="remark"), True),
        (models.CharField(name="currency"), False),
        (models.DateTimeField(name="email_verified_at"), False),
    ],
)
def test_a_new_column_is_noticed(column: Any, expected: bool) -> None:
    if isinstance(column, models.ForeignKey):
        column.remote_field.model = apps.get_model(str(column.remote_field.model))

    assert leads_to_person(column) is expected


def test_only_existing_columns_are_registered() -> None:
    existing = {f"{model._meta.label}.{column.name}" for model in apps.get_models() for column in model._meta.fields}

    assert find_registered() - existing == set()


def test_each_column_is_registered_once() -> None:
    names = [
        f"{table.model}.{column.name} {sorted(table.where.items())}"
        for table in list_tables()
        for column in table.columns
    ]

    assert len(names) == len(set(names))
    assert not {name.split(" ", maxsplit=1)[0] for name in names} & set(list_impersonal())


@pytest.mark.parametrize("table", list_tables(), ids=lambda table: f"{table.model} {table.export}")
def test_what_is_kept_has_a_reason(table: PersonalTable) -> None:
    assert all(column.reason for column in table.columns if column.erasure is Erasure.UNCHANGED)


@pytest.mark.django_db
@pytest.mark.parametrize("table", [table for table in list_tables() if table.export], ids=lambda table: table.export)
def test_each_part_of_an_export_is_one_query(table: PersonalTable, django_assert_num_queries: Any) -> None:
    for person in (Person(customer=1, user=1), Person(customer=1, brand=uuid.uuid4())):
        with django_assert_num_queries(1 if table.brand or person.brand is None else 0):
            assert list(table.iter_exported(person)) == []


def test_names_of_parts_of_an_export_are_distinct() -> None:
    names = [table.export for table in list_tables() if table.export]

    assert len(names) == len(set(names))


def test_keys_of_customers_say_what_a_merge_does() -> None:
    forgotten = [
        f"{table.model}.{column.name}"
        for table in list_tables()
        for column in table.columns
        if column.merge is Merge.NONE and is_customer_key(table, column)
    ]

    assert forgotten == []


def is_customer_key(table: PersonalTable, column: PersonalColumn) -> bool:
    """Return whether a registered column is a foreign key of a customer."""
    field: Any = table.model_class._meta.get_field(column.name)
    return isinstance(field, models.ForeignKey) and field.remote_field.model._meta.label == "accounts.Customer"

"""Columns and fields of the admin's pages: Django shows a model field instead of a method of the same name."""

from collections.abc import Mapping

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model


def has_field(model: type[Model], name: str) -> bool:
    """Return whether Django would find a field of this name; it looks over the rows that refer to an object."""
    try:
        return not model._meta.get_field(name).one_to_many
    except FieldDoesNotExist:
        return False


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_no_method_of_an_admin_page_is_hidden_by_a_field_of_its_model(model: type[Model]) -> None:
    page = admin.site._registry[model]
    methods = {
        name
        for part in type(page).__mro__
        if part.__module__.partition(".")[0] not in ("django", "unfold", "builtins")
        for name, value in vars(part).items()
        if callable(value) and (hasattr(value, "short_description") or hasattr(value, "label"))
    }

    assert {name for name in methods if has_field(model, name)} == set()


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_no_field_of_a_form_is_a_label(model: type[Model]) -> None:
    """The theme draws labels in lists only; in a form it would show the pair of the label's color and text."""
    page = admin.site._registry[model]

    names = {str(name) for name in (*flatten(page.fields or ()), *page.readonly_fields)}
    labels = {name: getattr(getattr(page, name, None), "label", None) for name in names}
    assert [name for name, colors in labels.items() if isinstance(colors, Mapping)] == []

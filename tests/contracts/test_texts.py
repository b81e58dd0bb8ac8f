"""No text that people read has characters by which it shows as another one: in every field of the API and the admin."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.test import Client, RequestFactory
from django.urls import get_resolver
from rest_framework import serializers

from accounts.models import Brand, User
from core.serializer_fields import SecretField
from core.serializers import InputSerializer
from promotions.models import Promotion
from redemptions.codes.models import CodeBatch
from tests.factories import BrandFactory, MembershipFactory

ClientOf = Callable[[Any], Client]
REVERSED = "ab\u202ecd"  # shows what follows from right to left
SECRETS = {"password", "refresh", "token", "otp"}
LOOKED_UP = {"account", "username", "code", "task"}  # what signs in, and the task of a schedule
PROMOTIONS = "/api/v1/promotions/"
PERCENT = {"kind": "percent", "value": "10", "on": "order"}
PROMOTION = {
    "name": "Sale",
    "trigger": "automatic",
    "offer": {"benefits": [PERCENT]},
    "start_date": "2026-01-01",
    "end_date": "2099-01-01",
}
LINE = {"id": "1", "sku": "a", "quantity": 1, "unit_price": "10.00"}
CART = {"currency": "EUR", "lines": [LINE]}


def iter_subclasses(base: type) -> Iterator[type]:
    """Yield the subclasses of the project, without those of tests."""
    for subclass in base.__subclasses__():
        if not subclass.__module__.startswith(
            ("django.", "unfold.", "tests.", "rest_framework.", "django_celery_beat.", "allauth.")
        ):
            yield subclass
        yield from iter_subclasses(subclass)


def iter_fields(serializer: serializers.Serializer[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the text fields of a serializer, with those of lists."""
    for name, field in serializer.fields.items():
        inner: Any = getattr(field, "child", field)
        if isinstance(inner, serializers.CharField):
            yield name, inner


def find_lax_inputs() -> list[str]:
    """Return the fields of requests that accept the text."""
    lax = []
    for serializer_class in iter_subclasses(InputSerializer):
        for name, field in iter_fields(serializer_class()):
            if isinstance(field, SecretField):
                continue
            try:
                field.run_validation(REVERSED)
            except serializers.ValidationError:
                continue
            lax.append(f"{serializer_class.__name__}.{name}")
    return lax


def find_lax_form_fields(name: str, fields: dict[str, forms.Field]) -> list[str]:
    """Return the text fields of a form that accept the text."""
    return [f"{name}.{field_name}" for field_name, field in fields.items() if accepts(field_name, field)]


def accepts(name: str, field: forms.Field) -> bool:
    if not isinstance(field, forms.CharField) or isinstance(field.widget, forms.PasswordInput):
        return False
    try:
        field.clean(REVERSED)
    except forms.ValidationError:
        return False
    return True


@pytest.mark.django_db  # slugs of brands are looked up
def test_every_text_of_a_request_is_checked() -> None:
    assert get_resolver().url_patterns  # so that all views are imported
    secrets = {
        name
        for serializer_class in iter_subclasses(InputSerializer)
        for name, field in iter_fields(serializer_class())
        if isinstance(field, SecretField)
    }

    assert find_lax_inputs() == []
    assert secrets == SECRETS


def test_every_text_of_a_form_is_checked() -> None:
    assert get_resolver().url_patterns
    forms_of_project = [form for form in iter_subclasses(forms.BaseForm) if getattr(form, "declared_fields", None)]

    lax = [
        field
        for form in forms_of_project
        for field in find_lax_form_fields(form.__name__, form.declared_fields)  # type: ignore[attr-defined]
        if field.rpartition(".")[2] not in LOOKED_UP
    ]

    assert len(forms_of_project) > 15
    assert lax == []


@pytest.mark.django_db
def test_every_text_of_a_page_of_a_model_is_checked(django_user_model: type[User]) -> None:
    request = RequestFactory().get("/")
    user = django_user_model.objects.create_superuser("ada", "ada@example.com")
    user.has_second_factor = True
    request.user = user
    pages = {
        model.__name__: model_admin
        for model, model_admin in admin.site._registry.items()
        if not model.__module__.startswith("django") and model_admin.has_add_permission(request)
    }

    lax = [
        field
        for name, model_admin in pages.items()
        for field in find_lax_form_fields(name, model_admin.get_form(request).base_fields)
    ]

    assert {"Brand", "Attribute", "ApiKey", "Suppression"} <= set(pages)
    assert lax == []


class LaxSerializer(InputSerializer):
    name = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())


class LaxForm(forms.Form):
    name = forms.CharField()


@pytest.mark.django_db
def test_a_lax_field_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LaxSerializer, "__module__", "promotions.api.serializers")

    assert find_lax_inputs() == ["LaxSerializer.name", "LaxSerializer.tags"]
    assert find_lax_form_fields("LaxForm", LaxForm.base_fields) == ["LaxForm.name"]


# --- the answers ------------------------------------------------------------------------------------------------------
@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (PROMOTIONS, PROMOTION | {"name": REVERSED}, "name"),
        (PROMOTIONS, PROMOTION | {"name": "Sale\u2028of the year"}, "name"),
        (PROMOTIONS, PROMOTION | {"name": "Sale\tnow"}, "name"),
        (PROMOTIONS, PROMOTION | {"description": REVERSED}, "description"),
        (PROMOTIONS, PROMOTION | {"metadata": {"team": REVERSED}}, "metadata.team"),
        (PROMOTIONS, PROMOTION | {"metadata": {REVERSED: "growth"}}, f"metadata.{REVERSED}"),
        (PROMOTIONS, PROMOTION | {"external_id": REVERSED}, "external_id"),
        (
            PROMOTIONS,
            PROMOTION | {"offer": {"benefits": [{"kind": "percent", "value": "10", "select": {"skus": [REVERSED]}}]}},
            "offer.benefits.0.select.skus.0",
        ),
        ("/api/v1/checkout/quote/", CART | {"lines": [LINE | {"sku": REVERSED}]}, "lines.0.sku"),
        ("/api/v1/checkout/quote/", CART | {"codes": [REVERSED]}, "codes.0"),
        ("/api/v1/checkout/quote/", CART | {"attributes": {"tier": REVERSED}}, "attributes.tier"),
        ("/api/v1/checkout/redemptions/", CART | {"customer_id": "c1", "order": REVERSED}, "order"),
    ],
)
def test_a_text_with_control_characters_is_refused(
    brand_client: ClientOf, billo: Brand, path: str, body: dict[str, Any], field: str
) -> None:
    response = brand_client(billo).post(path, body, content_type="application/json")

    assert response.status_code == 400
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [(field, "control_characters")]
    assert "marks of text direction" in response.json()["errors"][0]["detail"]
    assert not Promotion.objects.exists()


@pytest.mark.django_db
def test_a_description_may_have_several_lines(brand_client: ClientOf, billo: Brand) -> None:
    body = PROMOTION | {"description": "For all:\n\t- hats\r\n\t- shoes"}

    response = brand_client(billo).post(PROMOTIONS, body, content_type="application/json")

    assert response.json()["description"] == body["description"]


@pytest.mark.django_db
@pytest.mark.parametrize(("member", "text"), [("pattern", "\u017fUMMER-########"), ("charset", "\u017fABCDEFGHJK")])
def test_a_long_s_is_no_s(brand_client: ClientOf, billo: Brand, member: str, text: str) -> None:
    client = brand_client(billo)
    promotion = client.post(PROMOTIONS, PROMOTION | {"trigger": "code"}, content_type="application/json").json()
    path = f"{PROMOTIONS}{promotion['id']}/batches/"

    response = client.post(path, {"count": 1, member: text}, content_type="application/json")

    assert [error["field"] for error in response.json()["errors"]] == [member]
    assert not CodeBatch.objects.exists()


@pytest.mark.django_db
def test_a_page_refuses_a_name_that_shows_as_another(client: Client, billo: Brand) -> None:
    owner = MembershipFactory(brand=billo).user
    client.force_login(owner)
    form = client.get(f"/admin/accounts/brand/{billo.pk}/change/").context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}

    response = client.post(
        f"/admin/accounts/brand/{billo.pk}/change/",
        {name: value for name, value in values.items() if value} | {"name": REVERSED, "browser_origins": ""},
    )

    assert "marks of text direction" in str(response.context["adminform"].form.errors["name"])
    billo.refresh_from_db()
    assert billo.name != REVERSED

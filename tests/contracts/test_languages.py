"""The API answers in the language that the caller prefers: complete, with the same codes."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.test import Client

from core.languages import list_languages
from promoplatform.devserver.messages import SOURCE, catalog_of
from tests.contracts.tree import ROOT
from tests.factories import BrandFactory, PromotionFactory, ShopperFactory

CALLS = {"_", "gettext", "gettext_lazy", "ngettext"}
IGNORED_ARGUMENTS, IGNORED_NAMES = {"help_text", "description", "verbose_name", "label"}, ("_HELP", "LABELS")
IGNORED_FILES = {
    "admin.py", "apps.py", "checks.py", "emails.py", "forms.py", "kafka_command.py", "lifecycle.py",
    "models.py", "openapi.py", "statuses.py", "tasks.py",
}  # fmt: skip
IGNORED_PARTS = {"admin", "management", "migrations", "models"}
APPS = (
    "accounts", "checkout", "core", "coupons", "discounts", "mailings", "pricing", "promotions", "redemptions",
    "segments", "vouchers",
)  # fmt: skip
PLACEHOLDER = re.compile(r"%\(\w+\)s")
QUOTE = "/api/v1/checkout/quote/"


class Messages(ast.NodeVisitor):
    """Collect the messages that a module sends: not those of the API's documentation and of forms.

    Outside of functions, serializers have only documentation.
    """

    def __init__(self, *, only_functions: bool = False) -> None:
        self.found: set[str] = set()
        self.is_ignored = only_functions

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        before, self.is_ignored = self.is_ignored, False
        self.generic_visit(node)
        self.is_ignored = before

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in IGNORED_ARGUMENTS:
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if not any(name.endswith(IGNORED_NAMES) for name in names):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if not self.is_ignored and name in CALLS and node.args and isinstance(node.args[0], ast.Constant):
            self.found.add(str(node.args[0].value))
        self.generic_visit(node)


def iter_modules() -> Iterator[Path]:
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            parts = path.relative_to(ROOT).parts
            if path.name not in IGNORED_FILES and not IGNORED_PARTS & set(parts):
                yield path


def collect_messages() -> set[str]:
    found: set[str] = set()
    for path in iter_modules():
        messages = Messages(only_functions="serializers" in path.name)
        messages.visit(ast.parse(path.read_text()))
        found |= messages.found
    return found


def read_catalog(language: str) -> dict[str, Message]:
    with (ROOT / catalog_of(language)).open("rb") as file:
        messages = [message for message in read_po(file, locale=language) if message.id]
    return {message.id if isinstance(message.id, str) else message.id[0]: message for message in messages}


def forms_of(text: Any) -> list[str]:
    """Return the forms of a message: one, or singular and plural."""
    return [text] if isinstance(text, str) else list(text)


@pytest.mark.parametrize("language", [language for language in list_languages() if language != SOURCE])
def test_a_language_has_the_messages_that_the_api_sends(language: str) -> None:
    catalog, sent = read_catalog(language), collect_messages()
    translated = {text for text, message in catalog.items() if all(forms_of(message.string))}

    assert sorted(sent - translated) == []
    for text in translated & sent:
        for original, form in zip(forms_of(catalog[text].id), forms_of(catalog[text].string), strict=True):
            assert set(PLACEHOLDER.findall(form)) == set(PLACEHOLDER.findall(original)), original


# --- answers ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def german_server(brand_client: Callable[[Any], Client]) -> Client:
    return brand_client(BrandFactory(language="de"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "language"),
    [("de", "de"), ("de-AT,en;q=0.5", "de"), ("fr, de;q=0.3, en;q=0.2", "de"), ("en-GB, de;q=0.9", "en"), ("fr", "de"),
     ("es-MX,en;q=0.5", "es"), ("*", "de"), (None, "de"), ("x" * 2_000, "de"), ("de;q=x", "de")],
)  # fmt: skip
def test_the_caller_prefers_a_language_else_the_brands_is_used(
    accepted: str | None, language: str, german_server: Client
) -> None:
    headers = {} if accepted is None else {"Accept-Language": accepted}

    response = german_server.post(QUOTE, {"lines": 1}, content_type="application/json", headers=headers)

    problem = response.json()
    titles = {
        "en": "The request contains invalid fields.", "de": "Die Anfrage enthält ungültige Felder.",
        "es": "La solicitud contiene campos no válidos.",
    }  # fmt: skip
    assert (problem["title"], problem["detail"], problem["code"]) == (titles[language], titles[language], "invalid")
    assert response.headers["Content-Language"] == language
    assert "Accept-Language" in response.headers["Vary"]


@pytest.mark.django_db
def test_errors_of_fields_are_in_the_language_and_the_next_request_in_its_own(
    german_server: Client, shopper_client: Callable[[Any], Client]
) -> None:
    body: dict[str, Any] = {"currency": "EUR", "lines": [], "unknown": 1}

    german = german_server.post(QUOTE, body, content_type="application/json").json()
    english = shopper_client(ShopperFactory()).post(QUOTE, body, content_type="application/json").json()

    assert german["errors"][0] == {"field": "unknown", "code": "unknown_field", "detail": "Unbekanntes Feld."}
    assert english["errors"][0] == {"field": "unknown", "code": "unknown_field", "detail": "Unknown field."}
    missing = german_server.post(QUOTE, {}, content_type="application/json").json()
    assert {error["detail"] for error in missing["errors"]} == {"Dieses Feld ist erforderlich."}


@pytest.mark.django_db
def test_an_error_of_a_batch_is_in_the_language_of_its_request(shopper_client: Callable[[Any], Client]) -> None:
    client = shopper_client(ShopperFactory())

    response = client.post(
        "/api/v1/discountcodeusage/",
        {"discount_code": "NOBODYS"},
        content_type="application/json",
        headers={"Accept-Language": "de"},
    )

    assert response.json()["detail"] == "Code nicht gefunden."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "reason", "field"),
    [
        ("en", "Spend 40.00 EUR more.", "Use at most 2 decimals for EUR."),
        ("de", "Es fehlen noch 40.00 EUR.", "Für EUR sind höchstens 2 Nachkommastellen erlaubt."),
        ("es", "Faltan 40.00 EUR.", "Use como máximo 2 decimales para EUR."),
    ],
)
def test_reasons_and_errors_of_offers_are_in_the_language(
    language: str, reason: str, field: str, brand_client: Callable[[Any], Client]
) -> None:
    brand = BrandFactory(currency="EUR")
    minimum = {"kind": "min_subtotal", "value": "50.00"}
    PromotionFactory(brand=brand, trigger="code", text="CODE", extra={"conditions": [minimum]})
    client, headers = brand_client(brand), {"Accept-Language": language}
    cart = {"currency": "EUR", "lines": [{"id": "1", "sku": "a", "quantity": 1, "unit_price": "10.00"}]}
    draft = {
        "id": "a",
        "trigger": "automatic",
        "offer": {"conditions": [minimum], "benefits": [{"kind": "gift", "sku": "x"}]},
    }

    quote = client.post(QUOTE, cart | {"codes": ["CODE"]}, content_type="application/json", headers=headers).json()
    path, body = "/api/v1/promotions/simulate/", {"cart": cart, "promotions": [draft]}
    explained = client.post(path, body, content_type="application/json", headers=headers).json()["explain"]
    draft["offer"] = {"benefits": [{"kind": "percent", "value": "10", "max_discount": "1.001"}]}
    refused = client.post(path, body, content_type="application/json", headers=headers).json()

    assert [entry["reason"]["detail"] for entry in quote["rejected"]] == [reason]
    assert [(entry["detail"], entry["reason"]["detail"]) for entry in explained] == [(reason, reason)]
    assert [error["detail"] for error in refused["errors"]] == [field]
    assert quote["rejected"][0]["reason"]["missing"] == "40.00"

"""The offer form says what the offer says: nothing more, nothing less."""

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Brand
from pricing import parse_offer
from pricing.description import describe_offer
from promotions.admin.offer_field import OfferField
from promotions.admin.offer_form import OfferForm, is_representable
from tests.factories import BrandFactory
from tests.pricing.strategies import documents

pytestmark = pytest.mark.django_db
MORE_CONDITIONS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"kind": st.just("weekdays"), "any": st.just(["mon", "fri"])}),
        st.just({"kind": "hours", "from": "17:00", "to": "19:30"}),
        st.just({"kind": "hours", "from": "17:00", "to": "24:00"}),
        st.just({"kind": "date_range", "from": "2026-12-01"}),
        st.just({"kind": "date_range", "from": "2026-12-01", "to": "2026-12-24"}),
        st.just({"kind": "date_range", "to": "2026-12-01T08:00:00Z"}),
        st.just({"kind": "country", "any": ["ES", "FR"]}),
        st.just({"kind": "currency", "any": ["EUR"]}),
        st.just({"kind": "shipping_method", "any": ["express, next day", "s1"]}),
        st.just({"kind": "transaction_type", "any": ["topup"]}),
        st.just({"kind": "subtotal_equals", "value": "12.00", "basis": "running", "currency": "EUR"}),
    ),
    max_size=3,
)  # fmt: skip


@pytest.fixture
def brand() -> Brand:
    return BrandFactory(slug="billo", currency="KWD")  # three decimals, so that the strategies' amounts fit


def posted(**fields: Any) -> QueryDict:
    """What a browser sends; keys with two underscores for hyphens, below ``offer``."""
    data = QueryDict(mutable=True)
    for name, value in fields.items():
        data.setlist("offer-" + name.replace("__", "-"), value if isinstance(value, list) else [value])
    return data


def as_posted(values: dict[str, Any]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in values.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(document=documents(), more=MORE_CONDITIONS)
def test_an_offer_that_nobody_touches_stays_to_the_letter(
    document: dict[str, Any], more: list[dict[str, Any]], brand: Brand
) -> None:
    document = document | {"conditions": document["conditions"] + more}
    shown = OfferForm(brand=brand, offer=document)
    again = OfferForm(as_posted(shown.initial_data()), brand=brand)

    assert is_representable(document, brand)
    assert again.is_valid(), again.errors
    assert parse_offer(again.document) == parse_offer(document)
    assert OfferForm(as_posted(shown.initial_data()), brand=brand, offer=document).description() == describe_offer(
        parse_offer(document), "KWD"
    )


def test_goods_that_nobody_narrows_are_any_goods(brand: Brand) -> None:
    document = {
        "benefits": [{"kind": "gift", "sku": "mug"}],
        "conditions": [{"kind": "contains", "select": {}, "quantity": 2}],
    }
    form = OfferForm(as_posted(OfferForm(brand=brand, offer=document).initial_data()), brand=brand)

    assert form.is_valid(), form.errors
    assert form.document is not None
    assert parse_offer(form.document) == parse_offer(document)


def test_an_untouched_offer_is_kept_as_its_author_spelt_it(brand: Brand) -> None:
    document = {"benefits": [{"kind": "percent", "value": 10.0}], "lane": 0}
    form = OfferForm(as_posted(OfferForm(brand=brand, offer=document).initial_data()), brand=brand, offer=document)

    assert form.is_valid()
    assert form.document == document


def test_a_marketer_writes_an_offer(brand: Brand) -> None:
    form = OfferForm(
        posted(
            benefits__0__kind="percent", benefits__0__value="20 %", benefits__0__on="order",
            benefits__0__max_discount="50,5", benefits__0__select__categories="shoes\r\n boots, high \r\n",
            conditions__0__kind="min_subtotal", conditions__0__value="100", conditions__0__currency="KWD",
        ),
        brand=brand,
    )  # fmt: skip

    assert form.is_valid(), form.errors
    assert parse_offer(form.document) == parse_offer(
        {
            "benefits": [
                {
                    "kind": "percent", "value": "20", "max_discount": "50.5",
                    "select": {"categories": ["shoes", "boots, high"]},
                }
            ],
            "conditions": [{"kind": "min_subtotal", "value": "100", "currency": "KWD"}],
        }
    )  # fmt: skip
    assert (
        form.description() == "20 % off shoes or boots, high, at most 50.5 KWD, if the order comes to at least 100 KWD."
    )


REFUSED = [
    ("kind=percent value=120", "value"),
    ("kind=percent value=ten", "value"),
    ("kind=percent", "value"),
    ("kind=percent value=9\x00", "value"),
    ("kind=amount value=5.0005", "value"),
    (f"kind=amount value={'9' * 300}", "value"),
    ("kind=set_price value=5 on=bundle", "bundle_size"),
    ("kind=buy_get buy-quantity=2", "get-quantity"),
    ("kind=groups size=2", "kind"),
    ("kind=nth size=2 then-nth=3 then-percent=1", "then-nth"),
    ("kind=tiers basis=order_amount unit=percent", "tiers-0-from"),
    ("kind=tiers basis=eligible_quantity unit=percent tiers-1-from=3 tiers-1-value=5 tiers-2-from=2 tiers-2-value=5",
     "tiers-2-from"),
    ("kind=gift sku=rose select-skus=" + "x" * 256, "select-skus"),
]  # fmt: skip
REFUSED_CONDITIONS = [
    ("kind=weekdays", "any"),
    ("kind=weekdays any=mon any=x\x00", "any"),
    ("kind=country any=ES any=Spain", "any"),
    ("kind=hours from=9:00 to=10:00", "from"),
    ("kind=min_subtotal value=1 currency=XQX", "currency"),
    ("kind=contains quantity=0", "quantity"),
]


def said(text: str, part: str) -> dict[str, Any]:
    """``kind=country any=ES any=FR`` as a part of a form."""
    found: dict[str, Any] = {}
    for word in text.split(" "):
        name, _, value = word.partition("=")
        found.setdefault(f"offer-{part}-{name}", []).append(value)
    if text.startswith("kind=country"):
        found[f"offer-{part}-any"] = "\n".join(found[f"offer-{part}-any"])
    return found


@pytest.mark.parametrize(("text", "field"), REFUSED)
def test_what_the_engine_refuses_is_told_at_its_field(text: str, field: str, brand: Brand) -> None:
    form = OfferForm(as_posted(said(text, "benefits-0")), brand=brand)

    assert set(form.errors) == {f"benefits-0-{field}"}
    assert form.document == {}


@pytest.mark.parametrize(("text", "field"), REFUSED_CONDITIONS)
def test_what_the_engine_refuses_of_a_condition_is_told_at_its_field(text: str, field: str, brand: Brand) -> None:
    form = OfferForm(as_posted(said("kind=gift sku=rose", "benefits-0") | said(text, "conditions-0")), brand=brand)

    assert set(form.errors) == {f"conditions-0-{field}"}
    assert form.document == {}


def test_an_offer_gives_something(brand: Brand) -> None:
    form = OfferForm(QueryDict("offer-lane=0"), brand=brand)

    assert not form.is_valid()


def test_buttons_change_the_shape_and_lose_nothing(brand: Brand) -> None:
    data = as_posted(OfferForm(brand=brand, offer={"benefits": [{"kind": "percent", "value": "10"}]}).initial_data())

    def press(form: OfferForm, button: str) -> OfferForm:
        return OfferForm(as_posted(form.initial_data() | {"offer-do": button}), brand=brand)

    form = press(OfferForm(brand=brand, offer={"benefits": [{"kind": "percent", "value": "10"}]}), "add conditions")
    assert form.shape == {"conditions": ["min_subtotal"], "benefits": ["percent"]}
    assert form["benefits-0-value"].value() == "10"
    assert form["conditions-0-currency"].value() == "KWD"  # a new amount is in the brand's money
    form = press(press(form, "add conditions"), "add benefits")
    form = press(form, "drop benefits-0")
    assert form.shape == {"conditions": ["min_subtotal", "min_subtotal"], "benefits": ["percent"]}
    data = as_posted(form.initial_data() | {"offer-do": "shape", "offer-benefits-0-kind": "tiers"})
    form = OfferForm(data, brand=brand)
    assert form.rows == {"benefits-0": 3}
    form = press(form, "rows benefits-0")
    assert form.rows == {"benefits-0": 6}
    assert not form.is_bound


NO_BUTTONS = [
    "drop benefits-99999999999", "drop x", "rows", "rows benefits-x", "add", "add conditions-1", "x" * 999,
    "drop conditions-\N{SUPERSCRIPT TWO}",
]  # fmt: skip


@pytest.mark.parametrize("button", NO_BUTTONS)
def test_a_button_that_there_is_not_changes_nothing(button: str, brand: Brand) -> None:
    form = OfferForm(posted(benefits__0__kind="gift", benefits__0__sku="rose", do=button), brand=brand)

    assert form.shape["benefits"] == ["gift"]


def test_there_are_never_more_parts_than_the_language_has(brand: Brand) -> None:
    many = {f"offer-conditions-{n}-kind": "nth_order" for n in range(40)} | {"offer-benefits-0-kind": "nonsense"}
    form = OfferForm(as_posted(many | {"offer-do": "add conditions"}), brand=brand)

    assert len(form.shape["conditions"]) == 20
    assert form.shape["benefits"] == ["percent"]


def test_free_shipping_is_one_choice(brand: Brand) -> None:
    form = OfferForm(posted(benefits__0__kind="free_shipping"), brand=brand)

    assert form.is_valid(), form.errors
    assert form.description() == "Free shipping."
    assert OfferForm(brand=brand, offer=form.document).shape["benefits"] == ["free_shipping"]


@pytest.mark.parametrize(
    "document",
    [
        {"benefits": [{"kind": "gift", "sku": " rose"}]},
        {"benefits": [{"kind": "percent", "value": "5", "select": {"skus": ["two\nlines"]}}]},
        {"benefits": [{"kind": "gift", "sku": "a"}], "conditions": [{"kind": "weekdays", "any": ["fri", "mon"]}]},
    ],
)
def test_what_the_form_cannot_tell_is_shown_in_words_and_kept(document: dict[str, Any], brand: Brand) -> None:
    field = OfferField(brand=brand, initial=document)
    sent = posted(benefits__0__kind="percent", benefits__0__value="99")

    page = field.widget.render("offer", document)

    assert "it stays as it is" in page
    assert "<input" not in page
    assert field.clean(field.widget.value_from_datadict(sent, {}, "offer")) == document


def test_only_what_may_be_given_here_is_given(brand: Brand) -> None:
    form = OfferForm(posted(benefits__0__kind="gift", benefits__0__sku="rose"), brand=brand, kinds=("percent",))

    assert not form.is_valid()
    assert form.document == {}


def test_a_key_that_is_not_shown_stays(brand: Brand) -> None:
    document = {"benefits": [{"kind": "percent", "value": "5"}], "priority": 7}
    shown = OfferForm(brand=brand, offer=document, kept=("priority",))
    form = OfferForm(as_posted(shown.initial_data() | {"offer-benefits-0-value": "6"}), brand=brand, kept=("priority",))

    assert form.is_valid()
    assert form.document["priority"] == 7
    assert "priority" not in [bound.name for bound in shown.combining]

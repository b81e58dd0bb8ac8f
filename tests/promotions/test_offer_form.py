"""The offer form: an offer stays exactly the same unless somebody changes it."""

from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accounts.models import Brand
from backoffice.base.descriptions import describe_offer
from pricing import OfferInvalid, parse_offer
from promotions.admin.offer_field import OfferField
from promotions.admin.offer_form import OfferForm, is_representable
from promotions.admin.offer_labels import CONDITION_LABELS
from promotions.models import Attribute
from tests.factories import BrandFactory
from tests.pricing.strategies import CONDITIONS, documents

pytestmark = pytest.mark.django_db
NEGATED: list[dict[str, Any]] = [
    {"kind": "audience", "any": ["vip", "wholesale"]},
    {"kind": "nth_order", "value": 1},
    {"kind": "weekdays", "any": ["sat", "sun"]},
    {"kind": "hours", "from": "22:00", "to": "06:00"},
    {"kind": "date_range", "from": "2026-12-24", "to": "2026-12-26"},
    {"kind": "country", "any": ["ES"]},
    {"kind": "shipping_method", "any": ["express"]},
    {"kind": "transaction_type", "any": ["topup"]},
    {"kind": "channel", "any": ["app"]},
    {"kind": "store", "any": ["Madrid 1"]},
    {"kind": "payment_method", "any": ["card"]},
    {"kind": "attribute", "name": "tier", "any": ["gold"]},
]
TYPES = {"tier": "string", "weight": "number", "wrapped": "boolean", "joined": "date"}


def negate(condition: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "not", "condition": condition}


EXTRA_CONDITIONS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"kind": st.just("weekdays"), "any": st.just(["mon", "fri"])}),
        st.just({"kind": "hours", "from": "17:00", "to": "19:30"}),
        st.just({"kind": "hours", "from": "17:00", "to": "24:00"}),
        st.just({"kind": "date_range", "from": "2026-12-01"}),
        st.just({"kind": "date_range", "from": "2026-12-01", "to": "2026-12-24"}),
        st.just({"kind": "date_range", "to": "2026-12-01T08:00:00Z"}),
        st.just({"kind": "country", "any": ["ES", "FR"]}),
        st.just({"kind": "currency", "any": ["KWD", "EUR"]}),
        st.just({"kind": "shipping_method", "any": ["express, next day", "s1"]}),
        st.just({"kind": "transaction_type", "any": ["topup"]}),
        st.sampled_from(NEGATED).map(negate),
        st.lists(st.one_of(CONDITIONS, st.sampled_from(NEGATED).map(negate)), min_size=2, max_size=3).map(
            lambda parts: {"kind": "any_of", "conditions": parts}
        ),
        st.just({"kind": "channel", "any": ["app", "web"]}),
        st.just({"kind": "payment_method", "any": ["card"]}),
        st.just({"kind": "attribute", "name": "tier", "of": "customer", "any": ["gold", "12"]}),
        st.just({"kind": "attribute", "name": "weight", "of": "line", "any": [1, 2.5]}),
        st.just({"kind": "attribute", "name": "weight", "from": -1, "to": 2.5}),
        st.just({"kind": "attribute", "name": "wrapped", "any": [True, False]}),
        st.just({"kind": "attribute", "name": "joined", "from": "2026-05-01"}),
        st.just({"kind": "subtotal_equals", "value": "12.00", "basis": "running", "currency": "KWD"}),
    ),
    max_size=3,
)  # fmt: skip


@pytest.fixture
def brand() -> Brand:
    billo: Brand = BrandFactory(slug="billo", currency="KWD")  # three decimals, so that the strategies' amounts fit
    Attribute.objects.bulk_create(Attribute(brand=billo, name=name, type=type_) for name, type_ in TYPES.items())
    return billo


def form_data(values: dict[str, Any]) -> QueryDict:
    """Return the data of a POST request."""
    data = QueryDict(mutable=True)
    for name, value in values.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def offer_data(**fields: Any) -> QueryDict:
    """Return the data of a POST request of the form ``offer``. Two underscores in a name become a hyphen."""
    return form_data({"offer-" + name.replace("__", "-"): value for name, value in fields.items()})


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(document=documents(), extra=EXTRA_CONDITIONS)
def test_an_unchanged_offer_stays_exactly_the_same(
    document: dict[str, Any], extra: list[dict[str, Any]], brand: Brand
) -> None:
    document = document | {"conditions": document["conditions"] + extra}
    assume(has_common_currency(document))
    unbound = OfferForm(brand=brand, offer=document)
    form = OfferForm(form_data(unbound.initial_data()), brand=brand)

    assert is_representable(document, brand)
    assert form.is_valid(), form.errors
    assert parse_offer(form.document) == parse_offer(document)
    assert OfferForm(form_data(unbound.initial_data()), brand=brand, offer=document).description() == describe_offer(
        parse_offer(document), "KWD"
    )


@pytest.mark.parametrize("condition", NEGATED, ids=lambda condition: condition["kind"])
def test_a_negation_is_a_row_of_its_own(condition: dict[str, Any], brand: Brand) -> None:
    document = {
        "benefits": [{"kind": "percent", "value": "5"}],
        "conditions": [{"kind": "not", "condition": condition}],
    }
    form = OfferForm(brand=brand, offer=document)

    assert form.part_kinds["conditions"] == [f"not_{condition['kind']}"]
    assert is_representable(document, brand)


def test_an_error_of_a_negation_is_at_its_field(brand: Brand) -> None:
    fields = {"conditions__0__kind": "not_country", "conditions__0__any": "Spain"}
    form = OfferForm(offer_data(benefits__0__kind="free_shipping", **fields), brand=brand)

    assert not form.is_valid()
    assert list(form.errors) == ["conditions-0-any"]


def test_alternatives_are_added_removed_and_saved(brand: Brand) -> None:
    data = {"benefits__0__kind": "free_shipping", "conditions__0__kind": "any_of"}
    shown = OfferForm(offer_data(**data, do="update"), brand=brand)
    (part,) = shown.parts[1][1] if shown.parts[1][0] == "conditions" else shown.parts[0][1]
    assert [alternative.name for alternative in part.alternatives] == [
        "conditions-0-conditions-0",
        "conditions-0-conditions-1",
    ]
    assert not any(alternative.can_remove for alternative in part.alternatives)

    fields = {
        "conditions__0__conditions__0__kind": "country", "conditions__0__conditions__0__any": "ES",
        "conditions__0__conditions__1__kind": "not_audience", "conditions__0__conditions__1__any": "wholesale",
        "conditions__0__conditions__2__kind": "attribute", "conditions__0__conditions__2__name": "weight",
        "conditions__0__conditions__2__any": "2.5",
    }  # fmt: skip
    added = OfferForm(offer_data(**data, **fields, do="add conditions-0-conditions"), brand=brand)
    assert added.alternatives == {"conditions-0": ["country", "not_audience", "attribute", "min_subtotal"]}
    removed = OfferForm(offer_data(**data, **fields, do="remove conditions-0-conditions-1"), brand=brand)
    assert removed.alternatives == {"conditions-0": ["country", "attribute"]}
    assert removed["conditions-0-conditions-1-name"].value() == "weight"
    saved = OfferForm(offer_data(**data, **fields), brand=brand)
    assert saved.is_valid(), saved.errors
    assert saved.document["conditions"] == [
        {
            "kind": "any_of",
            "conditions": [
                {"kind": "country", "any": ["ES"]},
                {"kind": "not", "condition": {"kind": "audience", "any": ["wholesale"]}},
                {"kind": "attribute", "name": "weight", "any": [2.5]},
            ],
        }
    ]
    wrong = OfferForm(offer_data(**data, **(fields | {"conditions__0__conditions__0__any": "Spain"})), brand=brand)
    assert not wrong.is_valid()
    assert list(wrong.errors) == ["conditions-0-conditions-0-any"]


def test_a_group_inside_another_one_is_described_only(brand: Brand) -> None:
    spain = {"kind": "country", "any": ["ES"]}
    inner = {"kind": "any_of", "conditions": [spain, {"kind": "nth_order", "value": 1}]}
    document = {"benefits": [{"kind": "percent", "value": 5}], "conditions": [
        {"kind": "any_of", "conditions": [spain, inner]}]}  # fmt: skip

    assert not is_representable(document, brand)


def has_common_currency(document: dict[str, Any]) -> bool:
    """Return whether a cart in some currency can get the offer."""
    try:
        return bool(parse_offer(document, currency="KWD"))
    except OfferInvalid:
        return False


def test_amounts_of_further_currencies_become_rows(brand: Brand) -> None:
    form = OfferForm(
        offer_data(
            benefits__0__kind="amount", benefits__0__value="1.5", benefits__0__on="order",
            **{"benefits__0__value-currency": ["gbp", "", "EUR"], "benefits__0__value-amount": ["9,00", "", "10.00"]},
        ),
        brand=brand,
    )  # fmt: skip

    assert form.is_valid(), form.errors
    assert form.document["benefits"][0]["value"] == {"EUR": "10.00", "GBP": "9.00", "KWD": "1.5"}
    page = OfferForm(brand=brand, offer=form.document)["benefits-0-value"].as_widget()
    assert [page.count(f'value="{text}"') for text in ("1.5", "EUR", "10.00", "GBP", "9.00")] == [1] * 5


@pytest.mark.parametrize("rows", [["GBP", "GBP"], ["", "GBP"], ["KWD", "GBP"], ["POUND", "GBP"]])
def test_a_wrong_currency_of_a_row_is_an_error_at_the_amount(brand: Brand, rows: list[str]) -> None:
    form = OfferForm(
        offer_data(
            benefits__0__kind="amount", benefits__0__value="1.5", benefits__0__on="order",
            **{"benefits__0__value-currency": rows, "benefits__0__value-amount": ["9.00", "8.00"]},
        ),
        brand=brand,
    )  # fmt: skip

    assert not form.is_valid()
    assert list(form.errors) == ["benefits-0-value"]


def test_a_selection_without_values_means_all_products(brand: Brand) -> None:
    document = {
        "benefits": [{"kind": "gift", "sku": "mug"}],
        "conditions": [{"kind": "contains", "select": {}, "quantity": 2}],
    }
    form = OfferForm(form_data(OfferForm(brand=brand, offer=document).initial_data()), brand=brand)

    assert form.is_valid(), form.errors
    assert form.document is not None
    assert parse_offer(form.document) == parse_offer(document)


def test_an_unchanged_offer_keeps_the_notation_of_its_author(brand: Brand) -> None:
    document = {"benefits": [{"kind": "percent", "value": 10.0}], "lane": 0}
    form = OfferForm(form_data(OfferForm(brand=brand, offer=document).initial_data()), brand=brand, offer=document)

    assert form.is_valid()
    assert form.document == document


def test_form_fields_become_an_offer(brand: Brand) -> None:
    form = OfferForm(
        offer_data(
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
    assert form.description() == "20% off shoes or boots, high, up to KWD50.500, when the order is at least KWD100.000."


INVALID_BENEFITS = [
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
INVALID_CONDITIONS = [
    ("kind=weekdays", "any"),
    ("kind=weekdays any=mon any=x\x00", "any"),
    ("kind=country any=ES any=Spain", "any"),
    ("kind=hours from=9:00 to=10:00", "from"),
    ("kind=min_subtotal value=1 currency=XQX", "currency"),
    ("kind=contains quantity=0", "quantity"),
]


def part_values(text: str, part: str) -> dict[str, Any]:
    """Return the values of a part of the form from a text such as ``kind=country any=ES any=FR``."""
    values: dict[str, Any] = {}
    for assignment in text.split(" "):
        name, _, value = assignment.partition("=")
        values.setdefault(f"offer-{part}-{name}", []).append(value)
    if text.startswith("kind=country"):
        values[f"offer-{part}-any"] = "\n".join(values[f"offer-{part}-any"])
    return values


@pytest.mark.parametrize(("text", "field"), INVALID_BENEFITS)
def test_an_invalid_benefit_has_an_error_at_its_field(text: str, field: str, brand: Brand) -> None:
    form = OfferForm(form_data(part_values(text, "benefits-0")), brand=brand)

    assert set(form.errors) == {f"benefits-0-{field}"}
    assert form.document == {}


@pytest.mark.parametrize(("text", "field"), INVALID_CONDITIONS)
def test_an_invalid_condition_has_an_error_at_its_field(text: str, field: str, brand: Brand) -> None:
    form = OfferForm(
        form_data(part_values("kind=gift sku=rose", "benefits-0") | part_values(text, "conditions-0")), brand=brand
    )

    assert set(form.errors) == {f"conditions-0-{field}"}
    assert form.document == {}


def test_an_offer_without_benefits_is_invalid(brand: Brand) -> None:
    form = OfferForm(QueryDict("offer-lane=0"), brand=brand)

    assert not form.is_valid()


def test_buttons_add_and_remove_parts_and_keep_all_values(brand: Brand) -> None:
    data = form_data(OfferForm(brand=brand, offer={"benefits": [{"kind": "percent", "value": "10"}]}).initial_data())

    def press(form: OfferForm, action: str) -> OfferForm:
        return OfferForm(form_data(form.initial_data() | {"offer-do": action}), brand=brand)

    form = press(OfferForm(brand=brand, offer={"benefits": [{"kind": "percent", "value": "10"}]}), "add conditions")
    assert form.part_kinds == {"conditions": ["min_subtotal"], "benefits": ["percent"]}
    assert form["benefits-0-value"].value() == "10"
    assert form["conditions-0-currency"].value() == ""  # a new amount is in the brand's currency
    form = press(press(form, "add conditions"), "add benefits")
    form = press(form, "remove benefits-0")
    assert form.part_kinds == {"conditions": ["min_subtotal", "min_subtotal"], "benefits": ["percent"]}
    data = form_data(form.initial_data() | {"offer-do": "update", "offer-benefits-0-kind": "tiers"})
    form = OfferForm(data, brand=brand)
    assert form.tier_counts == {"benefits-0": 3}
    form = press(form, "add_tiers benefits-0")
    assert form.tier_counts == {"benefits-0": 6}
    assert not form.is_bound


UNKNOWN_ACTIONS = [
    "remove benefits-99999999999", "remove x", "add_tiers", "add_tiers benefits-x", "add", "add conditions-1",
    "x" * 999, "remove conditions-\N{SUPERSCRIPT TWO}",
]  # fmt: skip


@pytest.mark.parametrize("action", UNKNOWN_ACTIONS)
def test_an_unknown_action_changes_nothing(action: str, brand: Brand) -> None:
    form = OfferForm(offer_data(benefits__0__kind="gift", benefits__0__sku="rose", do=action), brand=brand)

    assert form.part_kinds["benefits"] == ["gift"]


def test_the_number_of_parts_is_limited(brand: Brand) -> None:
    values = {f"offer-conditions-{index}-kind": "nth_order" for index in range(40)} | {
        "offer-benefits-0-kind": "nonsense"
    }
    form = OfferForm(form_data(values | {"offer-do": "add conditions"}), brand=brand)

    assert len(form.part_kinds["conditions"]) == 20
    assert form.part_kinds["benefits"] == ["percent"]


def test_free_shipping_is_a_kind_of_its_own(brand: Brand) -> None:
    form = OfferForm(offer_data(benefits__0__kind="free_shipping"), brand=brand)

    assert form.is_valid(), form.errors
    assert form.description() == "Free shipping."
    assert OfferForm(brand=brand, offer=form.document).part_kinds["benefits"] == ["free_shipping"]


@pytest.mark.parametrize(
    "document",
    [
        {"benefits": [{"kind": "gift", "sku": " rose"}]},
        {"benefits": [{"kind": "percent", "value": "5", "select": {"skus": ["two\nlines"]}}]},
        {"benefits": [{"kind": "gift", "sku": "a"}], "conditions": [{"kind": "weekdays", "any": ["fri", "mon"]}]},
    ],
)
def test_an_offer_that_the_form_cannot_represent_is_read_only(document: dict[str, Any], brand: Brand) -> None:
    field = OfferField(brand=brand, initial=document)
    data = offer_data(benefits__0__kind="percent", benefits__0__value="99")

    page = field.widget.render("offer", document)

    assert "Edit it through the API." in page
    assert "<input" not in page
    assert field.clean(field.widget.value_from_datadict(data, {}, "offer")) == document


def test_a_kind_of_benefit_that_is_not_allowed_is_rejected(brand: Brand) -> None:
    form = OfferForm(offer_data(benefits__0__kind="gift", benefits__0__sku="rose"), brand=brand, kinds=("percent",))

    assert not form.is_valid()
    assert form.document == {}


def test_a_hidden_key_keeps_its_value(brand: Brand) -> None:
    document = {"benefits": [{"kind": "percent", "value": "5"}], "priority": 7}
    unbound = OfferForm(brand=brand, offer=document, hidden_keys=("priority",))
    form = OfferForm(
        form_data(unbound.initial_data() | {"offer-benefits-0-value": "6"}), brand=brand, hidden_keys=("priority",)
    )

    assert form.is_valid()
    assert form.document["priority"] == 7
    assert "priority" not in [bound.name for bound in unbound.combination_fields]


def test_every_kind_of_condition_is_in_one_group() -> None:
    form = OfferForm(offer_data(conditions__0__kind="country"), brand=BrandFactory())
    kind: Any = form.fields["conditions-0-kind"]
    groups = kind.widget.choices

    assert all(isinstance(choices, list) for _, choices in groups)
    names = [name for _, choices in groups for name, _ in choices]
    assert sorted(names) == sorted(CONDITION_LABELS)

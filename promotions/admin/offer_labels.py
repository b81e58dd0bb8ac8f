"""Labels, help texts and choices of the offer form, by the keys of the offer language."""

from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Label = str | Promise

BENEFIT_LABELS: dict[str, Label] = {
    "percent": _("Percentage off"),
    "amount": _("Fixed amount off"),
    "free_shipping": _("Free shipping"),
    "set_price": _("Fixed price or bundle price"),
    "buy_get": _("Buy X get Y"),
    "nth": _("Cheapest item of a group"),
    "groups": _("Group price"),
    "tiers": _("Tiered discount"),
    "unit_ladder": _("First unit and additional units"),
    "gift": _("Free gift"),
}
CONDITION_LABELS: dict[str, Label] = {
    "min_subtotal": _("Minimum purchase amount"),
    "max_subtotal": _("Maximum purchase amount"),
    "subtotal_equals": _("Exact purchase amount"),
    "min_quantity": _("Minimum quantity"),
    "min_line_quantity": _("Minimum quantity of one product"),
    "contains": _("Cart contains products"),
    "audience": _("Customer is in an audience"),
    "nth_order": _("Order number"),
    "weekdays": _("Days of the week"),
    "hours": _("Hours of the day"),
    "date_range": _("Dates"),
    "country": _("Country"),
    "currency": _("Currency"),
    "shipping_method": _("Shipping method"),
    "transaction_type": _("Transaction type"),
}
WEEKDAY_LABELS: dict[str, Label] = {
    "mon": WEEKDAYS[0], "tue": WEEKDAYS[1], "wed": WEEKDAYS[2], "thu": WEEKDAYS[3], "fri": WEEKDAYS[4],
    "sat": WEEKDAYS[5], "sun": WEEKDAYS[6],
}  # fmt: skip
DEFAULT_LABEL = _("Default")
BRAND_CURRENCY_LABEL = _("Currency of the brand")
CHOICE_LABELS: dict[str, dict[str, Label]] = {
    "on": {
        "order": _("Whole order"),
        "line": _("Each line"),
        "unit": _("Each unit"),
        "cheapest_line": _("Cheapest line"),
        "bundle": _("Each bundle"),
        "shipping": _("Shipping"),
    },
    "each": {"false": _("Total shipping cost"), "true": _("Each shipping method")},
    "methods": {
        "all": _("All shipping methods"),
        "cheapest": _("Cheapest shipping method"),
        "credit_cheapest": _("Price of the cheapest method off every method"),
    },
    "repeat": {"true": _("Repeat"), "false": _("Once")},
    "skip_already_discounted": {"false": _("Include"), "true": _("Exclude")},
    "combinable": {"true": _("Combines with others"), "false": _("Alone, if it saves more")},
    "exclusive": {"false": _("Not exclusive"), "true": _("Exclusive")},
    "per": {"order": _("Per order"), "line": _("Per line")},
    "pick": {"cheapest": _("Cheapest"), "dearest": _("Most expensive")},
    "fill": {"cheapest": _("Cheapest first"), "dearest": _("Most expensive first")},
    "then-pick": {"cheapest": _("Cheapest"), "dearest": _("Most expensive")},
    "then-scope": {"within_group": _("Each group"), "across_groups": _("All groups together")},
    "split": {"value": _("By value"), "quantity": _("By quantity")},
    "basis": {
        "before": _("Subtotal"),
        "running": _("Subtotal after discounts"),
        "order_amount": _("Order amount"),
        "line_amount": _("Amount of each line"),
        "eligible_quantity": _("Number of units"),
    },
    "unit": {"percent": _("Percentage"), "amount": _("Amount")},
}
NO_LIMIT = _("Leave blank for no limit.")
ONE_PER_LINE = _("One per line.")
FIELD_LABELS: dict[str, tuple[Label, Label]] = {  # label and help text, by key, or by kind and key for an exception
    "value": (_("Amount"), ""),
    "percent.value": (_("Percentage"), _("Enter a number above 0 and up to 100. Example: 20")),
    "set_price.value": (_("Price"), ""),
    "min_quantity.value": (_("Units"), ""),
    "min_line_quantity.value": (_("Units"), ""),
    "nth_order.value": (_("Order number"), _("1 is the customer's first order with this brand.")),
    "on": (_("Applies to"), ""),
    "each": (_("Shipping scope"), _("Used only if the benefit applies to shipping.")),
    "methods": (_("Shipping methods"), _("Used only if the benefit applies to shipping.")),
    "bundle_size": (_("Bundle size"), _("Required for bundles. Example: 3")),
    "buy-quantity": (_("Units to buy"), ""),
    "get-quantity": (_("Discounted units"), ""),
    "get-percent": (_("Discount (%)"), _("100 makes the units free.")),
    "repeat": (_("Repeat"), _("Repeat applies the offer as often as the cart allows.")),
    "size": (_("Group size"), ""),
    "fill": (_("Fill order"), _("Units are assigned to groups in this order.")),
    "count": (_("Maximum groups"), NO_LIMIT),
    "percent": (_("Percentage off"), _("Choose exactly one of the four price fields.")),
    "amount": (_("Amount off"), ""),
    "unit_price": (_("Unit price"), ""),
    "group_price": (_("Group price"), ""),
    "then-pick": (_("Unit"), ""),
    "then-nth": (_("Position"), _("1 is the cheapest or most expensive.")),
    "then-scope": (_("Scope"), ""),
    "then-percent": (
        _("Percentage off"),
        _("100 makes the unit free. Choose exactly one of the three price fields."),
    ),
    "then-max_uses": (_("Maximum uses"), NO_LIMIT),
    "basis": (_("Based on"), ""),
    "tiers.unit": (_("Discount type"), ""),
    "base": (_("Discount below the first tier"), _("Leave blank for no discount.")),
    "tiers.on": (_("Applies to"), _("Default: the whole order, or each line if based on the amount of each line.")),
    "from": (_("From"), ""),
    "to": (_("To"), ""),
    "hours.to": (_("To"), _("Exclusive; may be after midnight.")),
    "date_range.to": (_("To"), _("Inclusive.")),
    "tier-value": (_("Discount"), ""),
    "first": (_("Amount off first unit"), ""),
    "next": (_("Amount off each additional unit"), ""),
    "sku": (_("SKU"), ""),
    "gift.quantity": (_("Quantity"), ""),
    "price": (_("Price"), _("Per unit. Leave blank for free.")),
    "contains.quantity": (_("Units"), ""),
    "any": (_("Any of"), ONE_PER_LINE),
    "audience.any": (_("Audience names"), _("The customer must be in at least one of these audiences.")),
    "country.any": (_("Country codes"), _("Two-letter codes, one per line. Example: ES")),
    "currency.any": (_("Currency codes"), _("Three-letter codes, one per line. Example: EUR")),
    "shipping_method.any": (_("Shipping methods"), _("IDs, one per line. Example: express")),
    "transaction_type.any": (_("Transaction types"), _("One per line. Example: topup")),
    "weekdays.any": (_("Days"), ""),
    "max_discount": (_("Maximum discount"), NO_LIMIT),
    "max_units": (_("Maximum units"), NO_LIMIT),
    "per": (_("Units counted"), ""),
    "pick": (_("Apply first to"), _("Units that are discounted first if a limit excludes others.")),
    "only_complete_groups_of": (_("Only complete groups of"), _("Remaining units are excluded.")),
    "split": (_("Allocation"), _("How the discount is divided among lines.")),
    "currency": (_("Currency"), ""),
    "skus": (_("SKUs"), ONE_PER_LINE),
    "categories": (_("Categories"), ONE_PER_LINE),
    "brands": (_("Product brands"), ONE_PER_LINE),
    "exclude_skus": (_("Excluded SKUs"), ONE_PER_LINE),
    "exclude_categories": (_("Excluded categories"), ONE_PER_LINE),
    "unit_price_from": (_("Minimum unit price"), ""),
    "unit_price_to": (_("Maximum unit price"), ""),
    "skip_already_discounted": (_("Items on sale"), ""),
    "shipping_ids": (_("Shipping methods"), _("IDs, one per line. Example: express")),
    "combinable": (_("Combination"), ""),
    "exclusive": (_("Exclusivity"), _("An exclusive offer prevents all other offers.")),
    "lane": (_("Lane"), _("0 to 9. Later lanes use the prices after earlier lanes.")),
    "priority": (_("Priority"), _("Higher priorities apply first.")),
    "group": (_("Group"), _("Only the best offer of a group applies.")),
    "max_applications": (_("Maximum applications per order"), NO_LIMIT),
}
GROUP_LABELS: dict[str, Label] = {
    "select": _("Products"),
    "buy-select": _("Products to buy"),
    "get-select": _("Discounted products"),
    "limits": _("Limits and allocation"),
}


def get_field_texts(kind: str, name: str) -> tuple[Label, Label]:
    """Return the label and the help text of a key of a kind of benefit or condition."""
    key = name if name in FIELD_LABELS else name.rpartition("-")[2]
    return FIELD_LABELS.get(f"{kind}.{name}") or FIELD_LABELS.get(f"{kind}.{key}") or FIELD_LABELS[key]

"""Personal data of checkout: orders with their carts, and totals of purchases."""

from checkout.services import erase_orders, move_redemptions
from core.privacy import Erasure, Merge, PersonalColumn, PersonalTable, keep_key, members

_SCRUBBED = Erasure.SCRUBBED
_ORDER = "the order reference of the shop, which its accounts need"
MOVE_CUSTOMER = move_redemptions

TABLES = (
    PersonalTable(
        model="checkout.Redemption",
        erase=erase_orders,
        columns=(
            keep_key(),
            PersonalColumn("former_customers", Erasure.PSEUDONYM),
            PersonalColumn("order", Erasure.UNCHANGED, reason=_ORDER),
            PersonalColumn("identities", _SCRUBBED),
            PersonalColumn("cart", _SCRUBBED),
            PersonalColumn("quote", _SCRUBBED),
            PersonalColumn("record", _SCRUBBED),
            PersonalColumn("external_id", _SCRUBBED),
            PersonalColumn("metadata", _SCRUBBED),
        ),
        customer="customer",
        brand="brand",
        export="orders",
        members=members(
            "id",
            "order",
            "status",
            "currency",
            "subtotal",
            "discount_total",
            "total",
            "returned_total",
            "cart",
            "quote",
            "record",
            "external_id",
            "metadata",
            "created_at",
            "confirmed_at",
            "closed_at",
            brand="brand__slug",
        ),
    ),
    PersonalTable(
        model="checkout.RedemptionItem",
        columns=(),
        customer="redemption__customer",
        brand="brand",
        export="order_items",
        members=members(
            "redemption",
            "kind",
            "code",
            "offer_id",
            "amount",
            "returned_amount",
            name="title",
            brand="brand__slug",
        ),
    ),
    PersonalTable(
        model="checkout.RedemptionEvent",
        columns=(keep_key(merge=Merge.UNCHANGED), PersonalColumn("order", Erasure.UNCHANGED, reason=_ORDER)),
        customer="customer",
        brand="brand",
    ),
    PersonalTable(
        model="checkout.PurchaseTotal",
        columns=(keep_key(),),
        customer="customer",
        brand="brand",
        within="brand",
        export="purchase_totals",
        members=members("orders", "largest", "first_at", "last_at", brand="brand__slug"),
    ),
    PersonalTable(model="checkout.DirtyPurchaseTotal", columns=(keep_key("customer_id", Merge.UNCHANGED),)),
    PersonalTable(model="checkout.BacktestCustomer", columns=(keep_key(merge=Merge.UNCHANGED),)),
)
IMPERSONAL = {
    "checkout.Redemption.fingerprint": "a digest of a whole request",
    "checkout.Redemption.repricing": "amounts of lines",
    "checkout.RedemptionItem.line_units": "numbers of units by line",
    "checkout.Backtest.offer": "terms of an offer",
    "checkout.Backtest.results": "sums of a backtest",
    **{
        f"checkout.Backtest.{name}": "amounts by currency"
        for name in ("max_per_customer", "max_per_order", "other_budgets")
    },
}

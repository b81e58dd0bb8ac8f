"""Personal data of the redemption core: the event log, assigned codes, uses of offers, and limits per customer."""

from datetime import datetime

from django.db.models import Q

from accounts.models import CustomerMerge
from core.privacy import ErasedPeople, Erasure, Merge, PersonalColumn, PersonalTable, keep_key, members
from mailings.personal_data import customers_mails
from redemptions.codes.emails import CODE
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.models import Event
from redemptions.events.services import append_events

_BUDGETS = ("max_per_customer", "max_per_order", "other_budgets")
_SLOT = "the key of a pseudonym, or random text in the place of an identity"


def offer_columns(model: str, *terms: str) -> dict[str, str]:
    """Return the columns of a kind's offers that name no person; ``terms`` are those of the kind itself."""
    return {
        **{f"{model}.{name}": "terms of an offer" for name in terms},
        **{f"{model}.{name}": "a brand's own data of an offer" for name in ("external_id", "metadata")},
        **{f"{model}.{name}": "amounts by currency" for name in _BUDGETS},
    }


def _erase_merges(people: ErasedPeople) -> None:
    """Leave out the customer IDs of merges: of those who were merged into the customers, and of the customers."""
    history = CustomerMerge.pgh_event_models["insert"].objects  # type: ignore[attr-defined]
    targets = history.filter(source__in=people.customers).values_list("target", flat=True)
    own = Q(customer__in=[*people.customers, *people.replaced])
    merges = Event.objects.filter(own | Q(customer__in=list(targets), data__from__in=list(people.texts)))
    merges = merges.filter(type=EventType.CUSTOMER_MERGED)
    (merges if people.brand is None else merges.filter(brand=people.brand)).update(data={})


def _report(people: ErasedPeople, *, at: datetime) -> None:
    """Append an event to the log of each brand that knew one of the customers, with the pseudonym."""
    known = Event.objects.filter(customer__in=people.replaced)
    if people.brand is None:
        pairs = set(known.values_list("brand_id", "customer_id"))
    else:
        pairs = {(people.brand, customer) for customer in people.replaced}
    append_events(
        NewEvent(EventType.CUSTOMER_ERASED, at, brand, customer=customer) for brand, customer in sorted(pairs)
    )


FINISH = _report
TABLES = (
    customers_mails(CODE, "code_emails"),
    PersonalTable(
        model="redemptions.Event",
        erase=_erase_merges,
        columns=(
            keep_key(merge=Merge.UNCHANGED),
            PersonalColumn("order", Erasure.UNCHANGED, reason="the order reference of the shop, as in the order"),
            PersonalColumn("reason", Erasure.UNCHANGED, reason="a code of an error with its numbers"),
            PersonalColumn("data", Erasure.SCRUBBED),
        ),
        customer="customer",
        brand="brand",
        export="events",
        members=members(
            "id",
            "type",
            "created_at",
            "kind",
            "offer_id",
            "code",
            "order",
            "amount",
            "subtotal",
            "currency",
            "reason",
            "data",
            brand="brand__slug",
            redemption="redemption_id",
        ),
    ),
    PersonalTable(
        model="redemptions.Code",
        columns=(keep_key(),),
        customer="customer",
        brand="brand",
        export="assigned_codes",
        members=members("kind", "offer", "expires_at", "created_at", "revoked_at", brand="brand__slug", code="text"),
    ),
    PersonalTable(
        model="redemptions.OfferUse",
        columns=(
            keep_key(),
            PersonalColumn("identities", Erasure.SCRUBBED),
            PersonalColumn("counters", Erasure.SCRUBBED, Merge.MOVED),
        ),
    ),
    PersonalTable(
        model="redemptions.Limit",
        columns=(PersonalColumn("slot", Erasure.SCRUBBED, Merge.MOVED, reason=_SLOT),),
    ),
)
IMPERSONAL = {
    "redemptions.BudgetThreshold.scope": "the name of a limit",
    "redemptions.EventReader.name": "the name of a reader within the platform",
    "redemptions.Limit.scope": "the name of a limit",
}

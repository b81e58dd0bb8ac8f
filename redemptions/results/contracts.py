"""Values of results: what is counted, and what a report selects."""

import enum
import uuid
from dataclasses import dataclass, field, fields
from datetime import datetime
from zoneinfo import ZoneInfo

from core.periods import Interval

NO_OFFER = uuid.UUID(int=0)  # stands for all offers of a kind
ALL_KINDS = ""  # stands for all kinds of a brand
USES = ("reserved", "confirmed", "released", "expired", "returned", "orders")  # the counts of ``Results``


class Grouping(enum.StrEnum):
    """What a report is split by."""

    KIND = "kind"
    OFFER = "offer"
    CODE = "code"
    BRAND = "brand"


@dataclass(slots=True)
class Amounts:
    """Amounts in minor units of one currency.

    ``gross`` is the undiscounted total of the orders, shipping included, and counts an order once, however many offers
    it uses. ``discount`` is that of the offers, and ``returned_discount`` the share of it that returns released.
    """

    gross: int = 0
    discount: int = 0
    returned_discount: int = 0

    @property
    def net(self) -> int:
        """What was paid for the orders at their confirmation."""
        return self.gross - self.discount

    def add(self, other: "Amounts") -> None:
        """Add other amounts of the same currency."""
        for part in fields(self):
            setattr(self, part.name, getattr(self, part.name) + getattr(other, part.name))


@dataclass(slots=True)
class Results:
    """What happened to offers in a period.

    ``reserved``, ``confirmed``, ``released``, ``expired`` and ``returned`` count uses of an offer, and ``orders`` the
    orders with a confirmed use. A return counts in the period of the confirmation. ``rejections`` counts refused
    attempts by the code of the reason, and ``amounts`` are by currency. ``customers`` with a confirmed use are counted
    for reports of one offer only, else None: they can't be added up.
    """

    reserved: int = 0
    confirmed: int = 0
    released: int = 0
    expired: int = 0
    returned: int = 0
    orders: int = 0
    customers: int | None = None
    rejections: dict[str, int] = field(default_factory=dict)
    amounts: dict[str, Amounts] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """All refused attempts."""
        return sum(self.rejections.values())

    def add(self, other: "Results") -> None:
        """Add what happened in another period, but not its customers, who may be the same."""
        for name in USES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, count in other.rejections.items():
            self.rejections[reason] = self.rejections.get(reason, 0) + count
        for currency, amounts in other.amounts.items():
            self.amounts.setdefault(currency, Amounts()).add(amounts)


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """Which results a report wants: of brands, and of a kind or an offer if given."""

    brands: tuple[uuid.UUID, ...]
    kind: str = ""
    offer: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """The time of a report, from ``start`` to before ``end``, and how it is split."""

    unit: Interval
    timezone: ZoneInfo
    start: datetime
    end: datetime

"""Further identities of a customer, such as an email address: who the customer also is.

Each identity is a slot of its own of every limit per customer, beside that of the customer. It is stored as a digest
whose key is the brand, so that the identities of two brands can't be compared.
"""

import hashlib
import hmac
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

SLOT_DIGITS = 32  # of the hexadecimal digest


@dataclass(frozen=True, slots=True)
class Identities:
    """The identities of a customer. ``sent`` are those of a request, by name, and ``known`` slots that are stored."""

    sent: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[uuid.UUID, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.sent or self.known)

    def list_slots(self, brand_id: uuid.UUID) -> tuple[str, ...]:
        """Return the slots of the identities in limits of a brand's offers."""
        if brand_id in self.known:
            return self.known[brand_id]
        return tuple(derive_slot(name, self.sent[name], brand_id) for name in sorted(self.sent))

    def dump(self, brand_ids: Collection[uuid.UUID]) -> dict[str, list[str]]:
        """Return the slots of known brands and of these, as ``load`` reads them. Brands without slots are absent."""
        slots = {str(brand_id): list(self.list_slots(brand_id)) for brand_id in {*self.known, *brand_ids}}
        return {brand_id: names for brand_id, names in slots.items() if names}


NO_IDENTITIES = Identities()


def load(stored: Mapping[str, list[str]]) -> Identities:
    """Return the identities that ``Identities.dump`` wrote."""
    return Identities(known={uuid.UUID(brand_id): tuple(slots) for brand_id, slots in stored.items()})


def derive_slot(name: str, value: str, brand_id: uuid.UUID) -> str:
    """Return the slot of an identity in limits of a brand's offers: its name, and a digest keyed with the brand."""
    digest = hmac.new(brand_id.bytes, f"{name}:{value}".encode(), hashlib.sha256).hexdigest()
    return f"{name}:{digest[:SLOT_DIGITS]}"

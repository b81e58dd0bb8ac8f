"""Base of the backend of a kind that keeps nothing of a redemption but its uses."""

import uuid
from collections.abc import Sequence

from redemptions.contracts import CustomerMove, Purchase, ReturnedItem
from redemptions.uses import selectors


class CountedBackend:
    """The part of a ``RedemptionBackend`` for which there is nothing to do beside what uses take and return."""

    active_items = staticmethod(selectors.active_items)
    returned_amounts = staticmethod(selectors.returned_amounts)

    def record_uses(self, *, offer: uuid.UUID) -> None:
        """Do nothing: each redemption has a use from its beginning."""

    def confirm(self, *, purchase: Purchase) -> None:
        """Do nothing beside the confirmation of the uses."""

    def release(self, *, purchase: Purchase) -> None:
        """Do nothing beside the release of the uses."""

    def return_items(self, *, purchase: Purchase, returned: Sequence[ReturnedItem]) -> None:
        """Do nothing beside what the uses return."""

    def move_customer(self, *, move: CustomerMove) -> Sequence[tuple[uuid.UUID, uuid.UUID]]:
        """Do nothing beside the move of the uses."""
        return ()

"""Users whose access tokens ended before they expired, as every process knows them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings

from accounts.contracts import Caller
from accounts.models import User
from core.snapshots import Snapshot

MARGIN = timedelta(minutes=5)  # for transactions that commit late, and clocks that differ


class EndedTokens:
    """The token epochs of users whose tokens ended lately, read from the database once in a while."""

    def __init__(self) -> None:
        self._epochs: Snapshot[Mapping[int, int]] = Snapshot("ended_tokens", {})

    def is_ended(self, caller: Caller, *, at: datetime) -> bool:
        """Return whether a user's access token was issued in an earlier epoch. Reads the list if it is too old."""
        seconds = settings.ENDED_TOKENS_SECONDS
        epochs = self._epochs.get(partial(_list_epochs, at), seconds=seconds) if seconds else self._epochs.value
        epoch = epochs.get(caller.user_key or 0)
        return epoch is not None and caller.token_epoch < epoch

    def read(self, *, at: datetime) -> None:
        """Read the list."""
        self._epochs.set(_list_epochs(at))


def _list_epochs(at: datetime) -> Mapping[int, int]:
    """Return the epochs of users whose tokens of before haven't all expired by themselves."""
    since = at - timedelta(minutes=settings.ACCESS_TOKEN_MINUTES) - MARGIN
    return dict(User.objects.filter(tokens_ended_at__gt=since).values_list("pk", "token_epoch"))


ended_tokens = EndedTokens()

"""Users whose access tokens ended before they expired, as every process knows them."""

import threading
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import Error

from accounts.contracts import Caller
from accounts.models import User

log = structlog.get_logger(__name__)
MARGIN = timedelta(minutes=5)  # for transactions that commit late, and clocks that differ


class EndedTokens:
    """The token epochs of users whose tokens ended lately, read from the database once in a while."""

    def __init__(self) -> None:
        self._epochs: Mapping[int, int] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def is_ended(self, caller: Caller, *, at: datetime) -> bool:
        """Return whether a user's access token was issued in an earlier epoch. Reads the list if it is too old."""
        seconds = settings.ENDED_TOKENS_SECONDS
        if seconds and time.monotonic() - self._read_at >= seconds and self._lock.acquire(blocking=False):
            try:
                self.read(at=at)
            except Error as error:  # the list of before is the best that there is
                log.warning("ended_tokens_unread", error=str(error))
            finally:
                self._lock.release()
        epoch = self._epochs.get(caller.user_key or 0)
        return epoch is not None and caller.token_epoch < epoch

    def read(self, *, at: datetime) -> None:
        """Read the list: users whose tokens of before haven't all expired by themselves."""
        since = at - timedelta(minutes=settings.ACCESS_TOKEN_MINUTES) - MARGIN
        self._epochs = dict(User.objects.filter(tokens_ended_at__gt=since).values_list("pk", "token_epoch"))
        self._read_at = time.monotonic()


ended_tokens = EndedTokens()

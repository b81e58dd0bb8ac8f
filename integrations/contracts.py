"""What the platform and the services outside of it agree on."""

import time
from datetime import datetime, timedelta
from enum import StrEnum


class Service(StrEnum):
    """The services that can stand outside."""

    SEGMENTATION = "segmentation"
    CAMPAIGN_ENGINE = "campaign_engine"

    @property
    def label(self) -> str:
        """As people call it."""
        return f"the {self.value.replace('_', ' ')}" + (" service" if self is Service.SEGMENTATION else "")


class RunClock:
    """The instant at which a run began, and what has passed since: a long run does not keep its first instant."""

    def __init__(self, at: datetime) -> None:
        self._at, self._began = at, time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._began)

    @property
    def is_out_of_time(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began


class DeliveryFailed(Exception):
    """A service did not take what it was told; the text says why, in words for people ("it answered 503").

    ``wait`` is how many seconds the service asked us to leave it alone, 0 if it did not. ``ill`` says that the service
    itself is at fault, so that others need not try; without it, this one errand alone is. ``status`` is the answer's, 0
    when there was none.
    """

    def __init__(self, reason: str, *, wait: int = 0, ill: bool = False, status: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.ill, self.status = reason, wait, ill, status


class CircuitOpen(Exception):
    """The service is not called before ``until``: it failed too often, or asked for it. The text says why."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.reason, self.until = reason, until


class Superseded(Exception):
    """Whatever is being told is no longer what is to be told, or somebody else tells it now."""

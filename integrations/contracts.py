"""Values and exceptions of sync jobs to external services."""

import time
from datetime import datetime, timedelta
from enum import StrEnum


class Service(StrEnum):
    """External services of which the platform can use its own or another implementation."""

    SEGMENTATION = "segmentation"
    CAMPAIGN_ENGINE = "campaign_engine"


class RunClock:
    """The current time of a run: the time at its start plus the elapsed time, so that long runs stay accurate."""

    def __init__(self, at: datetime) -> None:
        self._at, self._started = at, time.monotonic()

    def now(self) -> datetime:
        """Return the current time."""
        return self._at + timedelta(seconds=time.monotonic() - self._started)

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self._started


class DeliveryFailed(Exception):
    """A call to a service failed; ``reason`` says why, in words for people ("HTTP 503").

    ``retry_after`` is the number of seconds that the service asked to wait, or 0. With ``is_service_failure`` the
    service itself fails, so other calls would fail, too; without it, only this job is rejected. ``status`` is that of
    the response, or 0.
    """

    def __init__(self, reason: str, *, retry_after: int = 0, is_service_failure: bool = False, status: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.retry_after, self.is_service_failure, self.status = (
            reason,
            retry_after,
            is_service_failure,
            status,
        )


class CircuitOpen(Exception):
    """The service is not called before ``until``, because it failed too often or asked to wait."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.reason, self.until = reason, until


class Superseded(Exception):
    """The job has a newer version, or another worker holds its lease."""

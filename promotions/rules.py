"""Decisions about promotions, from plain values to plain values."""

ACTIVE_WITHOUT_AUDIENCE = "active_without_audience"


def list_warnings(*, status: str, segment_status: str | None) -> list[str]:
    """Return the warnings about a promotion with this status and this status of its segment."""
    return [ACTIVE_WITHOUT_AUDIENCE] if status == "active" and segment_status == "empty" else []

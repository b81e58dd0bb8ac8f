"""Updates of audiences as the data platform sends them by Kafka."""

from google.protobuf.message import DecodeError

from accounts.selectors import brand_by_name
from core.errors import InvalidRequest, NotFound
from segments.contracts import Operation
from segments.proto.audience_update_pb2 import AudienceUpdate
from segments.services.audiences import apply_audience

OPERATIONS = {
    AudienceUpdate.REPLACE: Operation.REPLACE,
    AudienceUpdate.ADD: Operation.ADD,
    AudienceUpdate.REMOVE: Operation.REMOVE,
}


def handle_audience_update(value: bytes) -> None:
    """Apply an ``AudienceUpdate``; the same again changes nothing.

    Raises Invalid for what is none, NotFound for a brand that is not there, and what ``apply_audience`` raises.
    """
    try:
        update = AudienceUpdate.FromString(value)
    except DecodeError as error:
        raise InvalidRequest("This is not an AudienceUpdate.") from error
    if update.operation not in OPERATIONS:
        raise InvalidRequest.field("operation", "An operation is REPLACE, ADD or REMOVE.")
    brand = brand_by_name(update.merchant_id)
    if brand is None:
        raise NotFound(f"There is no merchant {update.merchant_id[:100]!r}.")
    apply_audience(
        brand=brand,
        segment_type=update.segment_type,
        operation=OPERATIONS[update.operation],
        customer_ids=update.customer_ids,
        version=update.version if update.HasField("version") else None,
    )

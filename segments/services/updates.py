"""Updates of audiences that the data platform sends through Kafka."""

from django.utils.translation import gettext as _
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
    """Apply an encoded ``AudienceUpdate``. The same message again changes nothing.

    Raises InvalidRequest for an invalid message, NotFound for an unknown brand, and what ``apply_audience`` raises.
    """
    try:
        update = AudienceUpdate.FromString(value)
    except DecodeError as error:
        raise InvalidRequest(_("The message is not a valid AudienceUpdate.")) from error
    if update.operation not in OPERATIONS:
        raise InvalidRequest.field("operation", _("Use REPLACE, ADD or REMOVE."))
    brand = brand_by_name(update.merchant_id)
    if brand is None:
        raise NotFound(_("Brand %(name)s not found.") % {"name": repr(update.merchant_id[:100])})
    apply_audience(
        brand=brand,
        segment_type=update.segment_type,
        operation=OPERATIONS[update.operation],
        customer_ids=update.customer_ids,
        version=update.version if update.HasField("version") else None,
    )

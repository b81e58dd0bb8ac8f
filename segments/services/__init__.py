"""Services of audiences and segments."""

from segments.contracts import AudienceUpdateResult, Operation
from segments.services.audiences import MAX_VERSION, apply_audience, apply_file
from segments.services.automatic_audiences import disable, enable, replace_members, request_recount, update_members
from segments.services.erasures import remove_customers, withdraw_uploads
from segments.services.lifecycle import enqueue_processing, process_queue
from segments.services.merges import move_customer
from segments.services.scheduling import delete, delete_segment, schedule, sync_promotion_segment
from segments.services.slot_usage import get_reach
from segments.services.sync import retry_now
from segments.services.updates import handle_audience_update
from segments.services.uploads import (
    apply_upload,
    cancel_upload,
    create_upload,
    discard_upload,
    purge_uploads,
    queue_upload,
)

__all__ = [
    "MAX_VERSION",
    "AudienceUpdateResult",
    "Operation",
    "apply_audience",
    "apply_file",
    "apply_upload",
    "cancel_upload",
    "create_upload",
    "delete",
    "delete_segment",
    "disable",
    "discard_upload",
    "enable",
    "enqueue_processing",
    "get_reach",
    "handle_audience_update",
    "move_customer",
    "process_queue",
    "purge_uploads",
    "queue_upload",
    "remove_customers",
    "replace_members",
    "request_recount",
    "retry_now",
    "schedule",
    "sync_promotion_segment",
    "update_members",
    "withdraw_uploads",
]

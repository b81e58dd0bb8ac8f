"""What happens to audiences and segments."""

from segments.contracts import AudienceUpdateResult, Operation
from segments.services.audiences import MAX_VERSION, apply_audience, apply_file
from segments.services.automatic_audiences import disable, enable, replace_members, request_recount, update_members
from segments.services.lifecycle import enqueue_processing, process_queue
from segments.services.scheduling import delete, schedule, sync_promotion_segment
from segments.services.slot_usage import reach
from segments.services.sync import retry_now
from segments.services.updates import handle_audience_update
from segments.services.uploads import (
    apply_upload,
    create_upload,
    discard_upload,
    purge_uploads,
    queue_upload,
    stop_upload,
)

__all__ = [
    "MAX_VERSION",
    "AudienceUpdateResult",
    "Operation",
    "apply_audience",
    "apply_file",
    "apply_upload",
    "create_upload",
    "delete",
    "disable",
    "discard_upload",
    "enable",
    "enqueue_processing",
    "handle_audience_update",
    "process_queue",
    "purge_uploads",
    "queue_upload",
    "reach",
    "replace_members",
    "request_recount",
    "retry_now",
    "schedule",
    "stop_upload",
    "sync_promotion_segment",
    "update_members",
]

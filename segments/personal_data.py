"""Personal data of segments: who is in an audience or a segment, and files of customer IDs that wait."""

from core.privacy import ErasedPeople, Erasure, Merge, PersonalColumn, PersonalTable, keep_key, members
from segments.services import remove_customers, withdraw_uploads


def _leave_audiences(people: ErasedPeople) -> None:
    """Remove the customers from imported audiences and from segments. Automatic audiences follow the orders."""
    remove_customers(customers=[*people.customers, *people.replaced], brand_id=people.brand)


def _withdraw_uploads(people: ErasedPeople) -> None:
    """Withdraw files that wait to be applied and name the customers."""
    withdraw_uploads(customer_ids=people.texts, brand_id=people.brand)


TABLES = (
    PersonalTable(
        model="segments.AudienceMember",
        erase=_leave_audiences,
        columns=(keep_key(),),
        customer="customer",
        brand="audience__brand",
        within="audience",
        export="audiences",
        members=members(brand="audience__brand__slug", audience="audience__segment_type"),
    ),
    PersonalTable(
        model="segments.SegmentMember",
        columns=(keep_key(),),
        customer="customer",
        brand="segment__brand",
        within="segment",
        export="segments",
        members=members(
            brand="segment__brand__slug",
            audience="segment__segment_type",
            start_date="segment__start_date",
            end_date="segment__end_date",
        ),
    ),
    PersonalTable(model="segments.CustomerSlots", columns=(keep_key(merge=Merge.UNCHANGED),), customer="customer"),
    PersonalTable(
        model="segments.AudienceUpload",
        columns=(keep_key("by", Merge.NONE),),
    ),
    PersonalTable(
        model="segments.UploadPart",
        erase=_withdraw_uploads,
        columns=(PersonalColumn("packed", Erasure.DELETED),),
    ),
)
IMPERSONAL = {
    "segments.AudienceUpload.errors": "numbers of lines",
    "segments.AudienceUpload.file_name": "the name of a file of many customers",
    "segments.Segment.external_id": "the segmentation service's ID of a segment",
}

from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AudienceUpdate(_message.Message):
    __slots__ = ("merchant_id", "segment_type", "operation", "customer_ids", "version")
    class Operation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OPERATION_UNSPECIFIED: _ClassVar[AudienceUpdate.Operation]
        REPLACE: _ClassVar[AudienceUpdate.Operation]
        ADD: _ClassVar[AudienceUpdate.Operation]
        REMOVE: _ClassVar[AudienceUpdate.Operation]
    OPERATION_UNSPECIFIED: AudienceUpdate.Operation
    REPLACE: AudienceUpdate.Operation
    ADD: AudienceUpdate.Operation
    REMOVE: AudienceUpdate.Operation
    MERCHANT_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_IDS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    merchant_id: str
    segment_type: str
    operation: AudienceUpdate.Operation
    customer_ids: _containers.RepeatedScalarFieldContainer[str]
    version: int
    def __init__(self, merchant_id: _Optional[str] = ..., segment_type: _Optional[str] = ..., operation: _Optional[_Union[AudienceUpdate.Operation, str]] = ..., customer_ids: _Optional[_Iterable[str]] = ..., version: _Optional[int] = ...) -> None: ...

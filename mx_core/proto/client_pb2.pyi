from mx_core.proto import federation_pb2 as _federation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RegisterRequest(_message.Message):
    __slots__ = ("invite", "signed_entry", "signed_epochs", "earlier_entries")
    INVITE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_ENTRY_FIELD_NUMBER: _ClassVar[int]
    SIGNED_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    EARLIER_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    invite: str
    signed_entry: bytes
    signed_epochs: _containers.RepeatedScalarFieldContainer[bytes]
    earlier_entries: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, invite: _Optional[str] = ..., signed_entry: _Optional[bytes] = ..., signed_epochs: _Optional[_Iterable[bytes]] = ..., earlier_entries: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RegisterReply(_message.Message):
    __slots__ = ("card",)
    CARD_FIELD_NUMBER: _ClassVar[int]
    card: bytes
    def __init__(self, card: _Optional[bytes] = ...) -> None: ...

class ChallengeReply(_message.Message):
    __slots__ = ("nonce", "expires", "leaf")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    expires: int
    leaf: bytes
    def __init__(self, nonce: _Optional[bytes] = ..., expires: _Optional[int] = ..., leaf: _Optional[bytes] = ...) -> None: ...

class AuthenticateRequest(_message.Message):
    __slots__ = ("pid", "device_id", "nonce", "signature")
    PID_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    pid: bytes
    device_id: bytes
    nonce: bytes
    signature: bytes
    def __init__(self, pid: _Optional[bytes] = ..., device_id: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class AuthenticateReply(_message.Message):
    __slots__ = ("session", "expires")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    session: bytes
    expires: int
    def __init__(self, session: _Optional[bytes] = ..., expires: _Optional[int] = ...) -> None: ...

class RecoveryCardRequest(_message.Message):
    __slots__ = ("address", "recovery_pk")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_PK_FIELD_NUMBER: _ClassVar[int]
    address: str
    recovery_pk: bytes
    def __init__(self, address: _Optional[str] = ..., recovery_pk: _Optional[bytes] = ...) -> None: ...

class RecoverRequest(_message.Message):
    __slots__ = ("signed_entry", "signed_epochs")
    SIGNED_ENTRY_FIELD_NUMBER: _ClassVar[int]
    SIGNED_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    signed_entry: bytes
    signed_epochs: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, signed_entry: _Optional[bytes] = ..., signed_epochs: _Optional[_Iterable[bytes]] = ...) -> None: ...

class MeetRequest(_message.Message):
    __slots__ = ("rendezvous", "number", "octets", "listen")
    RENDEZVOUS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OCTETS_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    rendezvous: bytes
    number: int
    octets: bytes
    listen: int
    def __init__(self, rendezvous: _Optional[bytes] = ..., number: _Optional[int] = ..., octets: _Optional[bytes] = ..., listen: _Optional[int] = ...) -> None: ...

class MeetReply(_message.Message):
    __slots__ = ("open", "octets")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    OCTETS_FIELD_NUMBER: _ClassVar[int]
    open: bool
    octets: bytes
    def __init__(self, open: _Optional[bool] = ..., octets: _Optional[bytes] = ...) -> None: ...

class AppendPassportRequest(_message.Message):
    __slots__ = ("signed_entry",)
    SIGNED_ENTRY_FIELD_NUMBER: _ClassVar[int]
    signed_entry: bytes
    def __init__(self, signed_entry: _Optional[bytes] = ...) -> None: ...

class PublishEpochRequest(_message.Message):
    __slots__ = ("signed_epoch",)
    SIGNED_EPOCH_FIELD_NUMBER: _ClassVar[int]
    signed_epoch: bytes
    def __init__(self, signed_epoch: _Optional[bytes] = ...) -> None: ...

class CollectTokenRequest(_message.Message):
    __slots__ = ("seconds",)
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    seconds: int
    def __init__(self, seconds: _Optional[int] = ...) -> None: ...

class CollectTokenReply(_message.Message):
    __slots__ = ("token", "expires")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    token: bytes
    expires: int
    def __init__(self, token: _Optional[bytes] = ..., expires: _Optional[int] = ...) -> None: ...

class OwnCardRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CardReply(_message.Message):
    __slots__ = ("card",)
    CARD_FIELD_NUMBER: _ClassVar[int]
    card: bytes
    def __init__(self, card: _Optional[bytes] = ...) -> None: ...

class ReadLogRequest(_message.Message):
    __slots__ = ("domain", "path")
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    domain: str
    path: str
    def __init__(self, domain: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class OwnLogRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OwnLogReply(_message.Message):
    __slots__ = ("records",)
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[LogRecord]
    def __init__(self, records: _Optional[_Iterable[_Union[LogRecord, _Mapping]]] = ...) -> None: ...

class LogRecord(_message.Message):
    __slots__ = ("version", "leaf_index", "opening", "binding")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    OPENING_FIELD_NUMBER: _ClassVar[int]
    BINDING_FIELD_NUMBER: _ClassVar[int]
    version: int
    leaf_index: int
    opening: bytes
    binding: bytes
    def __init__(self, version: _Optional[int] = ..., leaf_index: _Optional[int] = ..., opening: _Optional[bytes] = ..., binding: _Optional[bytes] = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("item",)
    ITEM_FIELD_NUMBER: _ClassVar[int]
    item: _federation_pb2.Item
    def __init__(self, item: _Optional[_Union[_federation_pb2.Item, _Mapping]] = ...) -> None: ...

class SubmitReply(_message.Message):
    __slots__ = ("status", "retry_after")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    status: _federation_pb2.Status
    retry_after: int
    def __init__(self, status: _Optional[_Union[_federation_pb2.Status, str]] = ..., retry_after: _Optional[int] = ...) -> None: ...

class FetchBodyRequest(_message.Message):
    __slots__ = ("peer_domain", "ref")
    PEER_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    REF_FIELD_NUMBER: _ClassVar[int]
    peer_domain: str
    ref: _federation_pb2.BlobRef
    def __init__(self, peer_domain: _Optional[str] = ..., ref: _Optional[_Union[_federation_pb2.BlobRef, _Mapping]] = ...) -> None: ...

class UnreadableRequest(_message.Message):
    __slots__ = ("peer_domain", "told")
    PEER_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    peer_domain: str
    told: _federation_pb2.UnreadableRequest
    def __init__(self, peer_domain: _Optional[str] = ..., told: _Optional[_Union[_federation_pb2.UnreadableRequest, _Mapping]] = ...) -> None: ...

class CollectRequest(_message.Message):
    __slots__ = ("window",)
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    window: int
    def __init__(self, window: _Optional[int] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("sequence", "arrived", "fate", "queue_empty")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ARRIVED_FIELD_NUMBER: _ClassVar[int]
    FATE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_EMPTY_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    arrived: Arrived
    fate: FateNotice
    queue_empty: QueueEmpty
    def __init__(self, sequence: _Optional[int] = ..., arrived: _Optional[_Union[Arrived, _Mapping]] = ..., fate: _Optional[_Union[FateNotice, _Mapping]] = ..., queue_empty: _Optional[_Union[QueueEmpty, _Mapping]] = ...) -> None: ...

class Arrived(_message.Message):
    __slots__ = ("peer_domain", "item", "body_stays")
    PEER_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    ITEM_FIELD_NUMBER: _ClassVar[int]
    BODY_STAYS_FIELD_NUMBER: _ClassVar[int]
    peer_domain: str
    item: _federation_pb2.Item
    body_stays: bool
    def __init__(self, peer_domain: _Optional[str] = ..., item: _Optional[_Union[_federation_pb2.Item, _Mapping]] = ..., body_stays: _Optional[bool] = ...) -> None: ...

class FateNotice(_message.Message):
    __slots__ = ("env_id", "relayed", "status", "reason", "postage_bits", "unreadable")
    ENV_ID_FIELD_NUMBER: _ClassVar[int]
    RELAYED_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    POSTAGE_BITS_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    env_id: bytes
    relayed: bool
    status: str
    reason: str
    postage_bits: int
    unreadable: bytes
    def __init__(self, env_id: _Optional[bytes] = ..., relayed: _Optional[bool] = ..., status: _Optional[str] = ..., reason: _Optional[str] = ..., postage_bits: _Optional[int] = ..., unreadable: _Optional[bytes] = ...) -> None: ...

class QueueEmpty(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReplaceTagsRequest(_message.Message):
    __slots__ = ("tags", "good_until")
    TAGS_FIELD_NUMBER: _ClassVar[int]
    GOOD_UNTIL_FIELD_NUMBER: _ClassVar[int]
    tags: _containers.RepeatedScalarFieldContainer[bytes]
    good_until: int
    def __init__(self, tags: _Optional[_Iterable[bytes]] = ..., good_until: _Optional[int] = ...) -> None: ...

class ReplaceTagsReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AcknowledgeRequest(_message.Message):
    __slots__ = ("sequences",)
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    sequences: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, sequences: _Optional[_Iterable[int]] = ...) -> None: ...

class AcknowledgeReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DoorRequest(_message.Message):
    __slots__ = ("change",)
    class Change(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NOTHING: _ClassVar[DoorRequest.Change]
        OPEN: _ClassVar[DoorRequest.Change]
        CLOSE: _ClassVar[DoorRequest.Change]
    NOTHING: DoorRequest.Change
    OPEN: DoorRequest.Change
    CLOSE: DoorRequest.Change
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: DoorRequest.Change
    def __init__(self, change: _Optional[_Union[DoorRequest.Change, str]] = ...) -> None: ...

class DoorReply(_message.Message):
    __slots__ = ("served", "open")
    SERVED_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    served: bool
    open: bool
    def __init__(self, served: _Optional[bool] = ..., open: _Optional[bool] = ...) -> None: ...

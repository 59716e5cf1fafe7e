from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_UNSPECIFIED: _ClassVar[Status]
    ACCEPTED: _ClassVar[Status]
    DUPLICATE: _ClassVar[Status]
    DEFERRED: _ClassVar[Status]
    NOT_AVAILABLE: _ClassVar[Status]
    TOO_LARGE: _ClassVar[Status]
    POSTAGE: _ClassVar[Status]
    RATE_LIMITED: _ClassVar[Status]
    UNREADABLE: _ClassVar[Status]
    EXPIRED: _ClassVar[Status]
    WHOLE: _ClassVar[Status]
STATUS_UNSPECIFIED: Status
ACCEPTED: Status
DUPLICATE: Status
DEFERRED: Status
NOT_AVAILABLE: Status
TOO_LARGE: Status
POSTAGE: Status
RATE_LIMITED: Status
UNREADABLE: Status
EXPIRED: Status
WHOLE: Status

class ChallengeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChallengeReply(_message.Message):
    __slots__ = ("nonce", "expires")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    expires: int
    def __init__(self, nonce: _Optional[bytes] = ..., expires: _Optional[int] = ...) -> None: ...

class ProveRequest(_message.Message):
    __slots__ = ("nonce_b", "nonce_a", "signature")
    NONCE_B_FIELD_NUMBER: _ClassVar[int]
    NONCE_A_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    nonce_b: bytes
    nonce_a: bytes
    signature: bytes
    def __init__(self, nonce_b: _Optional[bytes] = ..., nonce_a: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class ProveReply(_message.Message):
    __slots__ = ("session", "expires", "signature", "leaf")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    LEAF_FIELD_NUMBER: _ClassVar[int]
    session: bytes
    expires: int
    signature: bytes
    leaf: bytes
    def __init__(self, session: _Optional[bytes] = ..., expires: _Optional[int] = ..., signature: _Optional[bytes] = ..., leaf: _Optional[bytes] = ...) -> None: ...

class BlobRef(_message.Message):
    __slots__ = ("id", "size")
    ID_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    size: int
    def __init__(self, id: _Optional[bytes] = ..., size: _Optional[int] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("route", "envelope", "body", "body_ref", "deliver_by", "token", "postage")
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    ENVELOPE_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    BODY_REF_FIELD_NUMBER: _ClassVar[int]
    DELIVER_BY_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    POSTAGE_FIELD_NUMBER: _ClassVar[int]
    route: bytes
    envelope: bytes
    body: bytes
    body_ref: BlobRef
    deliver_by: int
    token: bytes
    postage: bytes
    def __init__(self, route: _Optional[bytes] = ..., envelope: _Optional[bytes] = ..., body: _Optional[bytes] = ..., body_ref: _Optional[_Union[BlobRef, _Mapping]] = ..., deliver_by: _Optional[int] = ..., token: _Optional[bytes] = ..., postage: _Optional[bytes] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("batch_id", "created", "items", "signature")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    batch_id: bytes
    created: int
    items: _containers.RepeatedCompositeFieldContainer[Item]
    signature: bytes
    def __init__(self, batch_id: _Optional[bytes] = ..., created: _Optional[int] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class ItemReply(_message.Message):
    __slots__ = ("status", "retry_after", "postage_bits", "body_stays")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    POSTAGE_BITS_FIELD_NUMBER: _ClassVar[int]
    BODY_STAYS_FIELD_NUMBER: _ClassVar[int]
    status: Status
    retry_after: int
    postage_bits: int
    body_stays: bool
    def __init__(self, status: _Optional[_Union[Status, str]] = ..., retry_after: _Optional[int] = ..., postage_bits: _Optional[int] = ..., body_stays: _Optional[bool] = ...) -> None: ...

class BatchReply(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ItemReply]
    def __init__(self, items: _Optional[_Iterable[_Union[ItemReply, _Mapping]]] = ...) -> None: ...

class BlobChunk(_message.Message):
    __slots__ = ("ref", "offset", "octets")
    REF_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    OCTETS_FIELD_NUMBER: _ClassVar[int]
    ref: BlobRef
    offset: int
    octets: bytes
    def __init__(self, ref: _Optional[_Union[BlobRef, _Mapping]] = ..., offset: _Optional[int] = ..., octets: _Optional[bytes] = ...) -> None: ...

class BlobReply(_message.Message):
    __slots__ = ("held",)
    HELD_FIELD_NUMBER: _ClassVar[int]
    held: int
    def __init__(self, held: _Optional[int] = ...) -> None: ...

class BlobRequest(_message.Message):
    __slots__ = ("id", "offset")
    ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    offset: int
    def __init__(self, id: _Optional[bytes] = ..., offset: _Optional[int] = ...) -> None: ...

class UnreadableRequest(_message.Message):
    __slots__ = ("env_id", "signed")
    ENV_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    env_id: bytes
    signed: bytes
    def __init__(self, env_id: _Optional[bytes] = ..., signed: _Optional[bytes] = ...) -> None: ...

class UnreadableReply(_message.Message):
    __slots__ = ("known",)
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    known: bool
    def __init__(self, known: _Optional[bool] = ...) -> None: ...

class LookUpRequest(_message.Message):
    __slots__ = ("address", "log_size", "token")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LOG_SIZE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    address: str
    log_size: int
    token: bytes
    def __init__(self, address: _Optional[str] = ..., log_size: _Optional[int] = ..., token: _Optional[bytes] = ...) -> None: ...

class LookUpReply(_message.Message):
    __slots__ = ("card", "padding", "retry_after")
    CARD_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    card: bytes
    padding: bytes
    retry_after: int
    def __init__(self, card: _Optional[bytes] = ..., padding: _Optional[bytes] = ..., retry_after: _Optional[int] = ...) -> None: ...

class ReadLogRequest(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: str
    def __init__(self, path: _Optional[str] = ...) -> None: ...

class ReadLogReply(_message.Message):
    __slots__ = ("octets", "found")
    OCTETS_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    octets: bytes
    found: bool
    def __init__(self, octets: _Optional[bytes] = ..., found: _Optional[bool] = ...) -> None: ...

class AddCheckpointRequest(_message.Message):
    __slots__ = ("body",)
    BODY_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    def __init__(self, body: _Optional[bytes] = ...) -> None: ...

class AddCheckpointReply(_message.Message):
    __slots__ = ("status", "body")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    status: int
    body: bytes
    def __init__(self, status: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

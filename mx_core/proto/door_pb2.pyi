from mx_core.proto import federation_pb2 as _federation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BeginRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class BeginReply(_message.Message):
    __slots__ = ("domain", "key", "octets")
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    OCTETS_FIELD_NUMBER: _ClassVar[int]
    domain: str
    key: bytes
    octets: int
    def __init__(self, domain: _Optional[str] = ..., key: _Optional[bytes] = ..., octets: _Optional[int] = ...) -> None: ...

class RecipientRequest(_message.Message):
    __slots__ = ("address",)
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    address: str
    def __init__(self, address: _Optional[str] = ...) -> None: ...

class RecipientReply(_message.Message):
    __slots__ = ("card",)
    CARD_FIELD_NUMBER: _ClassVar[int]
    card: bytes
    def __init__(self, card: _Optional[bytes] = ...) -> None: ...

class DeliverRequest(_message.Message):
    __slots__ = ("items", "door_pk")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    DOOR_PK_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_federation_pb2.Item]
    door_pk: bytes
    def __init__(self, items: _Optional[_Iterable[_Union[_federation_pb2.Item, _Mapping]]] = ..., door_pk: _Optional[bytes] = ...) -> None: ...

class DeliverReply(_message.Message):
    __slots__ = ("items", "stale")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[_federation_pb2.ItemReply]
    stale: bool
    def __init__(self, items: _Optional[_Iterable[_Union[_federation_pb2.ItemReply, _Mapping]]] = ..., stale: _Optional[bool] = ...) -> None: ...

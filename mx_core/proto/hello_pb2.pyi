from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class IntroduceRequest(_message.Message):
    __slots__ = ("domain", "version_min", "version_max", "document", "signature")
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    VERSION_MIN_FIELD_NUMBER: _ClassVar[int]
    VERSION_MAX_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    domain: str
    version_min: int
    version_max: int
    document: bytes
    signature: bytes
    def __init__(self, domain: _Optional[str] = ..., version_min: _Optional[int] = ..., version_max: _Optional[int] = ..., document: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class IntroduceReply(_message.Message):
    __slots__ = ("version", "document", "signature")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    version: int
    document: bytes
    signature: bytes
    def __init__(self, version: _Optional[int] = ..., document: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

class ServerInfoRequest(_message.Message):
    __slots__ = ("domain",)
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    domain: str
    def __init__(self, domain: _Optional[str] = ...) -> None: ...

class ServerInfoReply(_message.Message):
    __slots__ = ("document", "signature")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    document: bytes
    signature: bytes
    def __init__(self, document: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...

"""Names of things, each its own type, so that a UID is never taken for a row id."""

from __future__ import annotations

from typing import NewType

MailboxId = NewType("MailboxId", int)  # local row id of a mailbox
MessageId = NewType("MessageId", int)  # local row id of immutable octets
Uid = NewType("Uid", int)  # RFC 9051 §2.3.1.1
UidValidity = NewType("UidValidity", int)  # from an account-wide counter that never repeats
ModSeq = NewType("ModSeq", int)  # one counter per account, RFC 7162 §3.1
GlobalId = NewType("GlobalId", bytes)  # 16 random octets; names a mailbox or message across devices
QueueId = NewType("QueueId", str)  # names a submission to a person and in logs, 16 hex digits
Pid = NewType("Pid", bytes)  # 32 octets, identity §2
DeviceId = NewType("DeviceId", bytes)  # 16 octets, identity §2
EnvId = NewType("EnvId", bytes)  # BLAKE2b-256 of the envelope's octets
MsgId = NewType("MsgId", bytes)  # 16 random octets of the signed statement
BlobId = NewType("BlobId", bytes)  # BLAKE2b-256 of a body's ciphertext

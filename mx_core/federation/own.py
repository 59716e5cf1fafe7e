"""What a server needs of itself to speak to peers."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.discovery.document import SignedDocument
from mx_core.model.secret import Secret
from mx_core.tls.leaf import Leaf


class OwnDomain(Struct, frozen=True):
    """One served domain; leaf and document are asked each time, because they are renewed."""

    name: str
    key: Secret[SigningKey]
    leaf: Callable[[], Leaf]
    document: Callable[[], SignedDocument]

"""What is really on the disk of a store, for who has its key."""

from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mx_core.db.driver import SEALED_PAGE_OCTETS as PAGE_OCTETS
from tests.support.stores import STORE_KEY


def decrypted_pages(folder: Path) -> bytes:
    """Decrypt every page, free ones too: AES-256-CBC, and at the end of a page IV and HMAC."""
    octets = (folder / "mail.db").read_bytes()
    clear = []
    for start in range(0, len(octets), PAGE_OCTETS):
        page = octets[start : start + PAGE_OCTETS]
        begin = 16 if start == 0 else 0  # the salt stands in place of SQLite's magic
        cipher = Cipher(algorithms.AES(STORE_KEY.reveal()), modes.CBC(page[-48:-32])).decryptor()
        clear.append(cipher.update(page[begin:-48]) + cipher.finalize())
    whole = b"".join(clear)
    assert b"CREATE TABLE mailbox" in whole, "not the key of this store"
    return whole

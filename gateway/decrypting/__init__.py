"""Mail that came encrypted with OpenPGP or S/MIME, decrypted when the person gives the key."""

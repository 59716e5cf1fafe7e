"""Write the envelope vectors anew: ``python -m tests.vectors.envelope.make`` in the root.

Sealing draws randomness inside libsodium, so each run writes other octets; the cases and their
outcomes stay.  Run it when a case is added; a change of the format needs a new version instead.
"""

from tests.support.envelope_vectors import GROUPS, write

if __name__ == "__main__":
    for group in GROUPS:
        print(f"{group}: {write(group)} cases")

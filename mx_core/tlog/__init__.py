"""The transparency log of a domain: Merkle tree, signed notes, map of labels, proofs.  Pure."""

"""How a second device is brought to a person: what the two say to each other.  Spec/link."""

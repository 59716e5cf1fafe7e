"""Mail that the gateway itself writes: reports to a sender, notes to its person."""

"""Networks behind ``ports.Carrier``, one sub-package each."""

"""Networks behind ``carrier_port.Carrier``, one sub-package each."""

"""Questions to the DNS: one stub, the setting that names whom it asks, and answers kept for a while."""

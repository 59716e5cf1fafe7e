"""Receipts: what this device signs for others, and what others have signed for us.  Spec/receipts."""

"""Mail comes in from elsewhere, whole, and goes out again: import and export."""

"""Commands about an account itself: its keys, passwords, folders, devices, and its door."""

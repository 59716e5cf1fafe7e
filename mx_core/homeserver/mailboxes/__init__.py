"""What waits for a person's devices: taken, appended, streamed, forgotten."""

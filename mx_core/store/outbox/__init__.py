"""What waits to leave, from the yes to the mail program until each recipient is settled."""

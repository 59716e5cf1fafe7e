"""What is in a mailbox, at which UID, with which flags: packed segments."""

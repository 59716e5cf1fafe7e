"""All mail out again, in formats that other programs open, with what they can not hold beside it."""

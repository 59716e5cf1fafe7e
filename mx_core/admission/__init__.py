"""What lets mail in before anybody can read it: weekly tokens of contacts, postage of strangers."""

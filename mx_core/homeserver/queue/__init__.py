"""What must still leave: taken from own people, kept, tried, handed over."""

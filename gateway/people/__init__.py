"""The people whom an account knows: compared, accepted, invited."""

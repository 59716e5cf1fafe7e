"""What both programs do at their edge: read their file, log, and say how they ended."""

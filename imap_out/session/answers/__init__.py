"""Answers that several commands give, and where they go."""

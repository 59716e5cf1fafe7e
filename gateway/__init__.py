"""The person's process: composes everything, owns configuration, holds the keys."""

"""Ordinary mail accounts."""

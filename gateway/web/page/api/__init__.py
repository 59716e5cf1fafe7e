"""The data of the page as JSON."""

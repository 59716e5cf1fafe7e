"""The transparency log of this domain: its rows, its files, its witnesses."""

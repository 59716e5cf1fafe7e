"""The core: it knows no front door and no gateway."""

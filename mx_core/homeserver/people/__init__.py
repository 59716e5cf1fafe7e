"""Who is registered here, and what this domain says of them."""

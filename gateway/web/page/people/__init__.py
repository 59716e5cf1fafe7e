"""Other people on the page: contacts, requests, invitations, and the rules about whom one writes to how."""

"""The way from this computer to home servers, and when it was interrupted."""

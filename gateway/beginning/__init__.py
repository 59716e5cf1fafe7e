"""What a first start finds on this computer: mail programs, ways to keep the key, the domain from outside."""

"""What one connection knows between commands: who is there, what is selected, what its client has been told."""

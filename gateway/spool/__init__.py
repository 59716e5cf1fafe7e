"""Mail handed over by ``sendmail``, sealed on the disk until the daemon takes it in."""

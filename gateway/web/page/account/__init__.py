"""One account on the page, day by day: mail programs, mail from elsewhere, outbox, devices."""

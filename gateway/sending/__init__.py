"""The flow out: verdicts at RCPT TO, the durable hand-over, who is written to and how."""

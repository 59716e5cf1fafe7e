"""Submission side by side: our door, Postfix of Debian and a plain aiosmtpd, and one client for all."""

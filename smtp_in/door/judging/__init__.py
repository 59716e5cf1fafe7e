"""What can be known of an ordinary message: SPF, DKIM, DMARC, and ARC of forwarders."""

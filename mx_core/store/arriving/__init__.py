"""Network mail on its way in: stored, kept until it can be judged, or answered by a signed word."""

"""The account that answers whoever writes to it, so that a new person sees a whole round trip."""

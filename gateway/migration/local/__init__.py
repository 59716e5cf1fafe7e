"""Sources on this machine's disk: mbox, Maildir, trees of ``.eml``, Thunderbird profiles.

All are read as hostile: nothing is followed out of the tree, nothing that is no plain file is
opened, nothing is held that is larger than one message may be, and nothing is ever written.
"""

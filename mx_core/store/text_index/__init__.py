"""The search index of one account: words → messages, in an encrypted file of its own.

Derived from the mail, in no backup, made anew whenever it is missing, damaged or of another
version.  A *word* is what stands between white space in a folded text, so a term without white
space stands in a message exactly if it is part of one of its words.  Decision 0006.
"""

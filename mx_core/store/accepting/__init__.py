"""What a mail program was told yes for, before the database has it: one small log of an account."""

"""The first minutes on the page: who one is, the sheet, the first mail program."""

"""MXE1 and MXB1: seal and open.  Pure."""

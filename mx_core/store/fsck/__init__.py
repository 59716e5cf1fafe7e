"""The store held against itself: what is wrong is named, and mended where that loses nothing."""

"""Long runs of the sound: ``make soak``."""

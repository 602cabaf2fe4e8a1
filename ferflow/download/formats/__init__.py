"""The forms in which data sets come, a module each."""

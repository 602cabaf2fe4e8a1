"""Mistakes by name: an honest run, evaluated wrongly on purpose."""

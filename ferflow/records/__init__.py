"""Records: what is kept of a run in Git."""

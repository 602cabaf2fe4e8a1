"""The five papers: what they claim, what is recorded of it, and what a figure could mean."""

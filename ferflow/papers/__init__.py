"""The papers on record: what they claim, what is reached, and what a figure could mean."""

"""The papers on record: what they claim, what is reached, and which mistakes print the claim."""

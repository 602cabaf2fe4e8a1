"""ferflow: facial expression recognition on FER-2013 as one reproducible pipeline."""

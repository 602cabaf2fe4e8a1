"""Videos: read frame by frame, followed as a series, written with the faces drawn in."""

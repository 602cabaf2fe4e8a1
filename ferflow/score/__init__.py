"""Anybody's answers to FER-2013's val and test images, scored as our own runs are."""

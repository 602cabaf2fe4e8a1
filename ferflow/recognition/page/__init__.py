"""The web page: faces and their expressions, in a browser on this machine alone."""

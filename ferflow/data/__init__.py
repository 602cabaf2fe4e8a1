"""From a source to balanced training rows: the first five stages' library."""

"""Recognition: from pictures and videos to faces, and to the expressions on them."""

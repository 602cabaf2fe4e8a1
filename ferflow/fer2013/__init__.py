"""What is known of FER-2013's images without having them: rows, files, votes, twins."""

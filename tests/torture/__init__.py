"""What `make torture` does to the pipeline: kills, parallel runs, a hostile environment."""

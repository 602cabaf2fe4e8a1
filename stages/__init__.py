"""Entry points of the pipeline, one module per stage of dvc.yaml."""

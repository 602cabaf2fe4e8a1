"""Entry points: a module for each stage of dvc.yaml, and `mistake`, of mistakes/dvc.yaml."""

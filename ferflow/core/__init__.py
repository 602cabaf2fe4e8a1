"""What every stage needs: files, tables, parameters, splits, the pipeline. Knows no faces."""

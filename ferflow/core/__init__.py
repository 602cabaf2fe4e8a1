"""What every stage needs: errors, files, tables, parameters, splits, locks, Git, the pipeline."""

"""`python -m ferflow`, the same as the command `ferflow`."""

from ferflow.cli import main

main()

"""What the papers claim, and what a printed figure can mean. Imports no run."""

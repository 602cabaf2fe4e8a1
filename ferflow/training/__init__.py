"""Stage 7: families of classifiers, architectures of networks."""

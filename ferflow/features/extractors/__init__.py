"""Feature extractors, a module each; `features.method` names the module."""

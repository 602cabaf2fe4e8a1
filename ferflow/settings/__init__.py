"""params.yaml: presets, and whether its values are legal."""

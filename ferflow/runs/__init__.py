"""Presets run one after another: reproduced, repeated, swept, evaluated wrongly."""

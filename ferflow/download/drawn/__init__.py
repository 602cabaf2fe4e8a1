"""Synthetic faces: drawn, and spoilt in known ways."""

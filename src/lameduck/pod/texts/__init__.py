"""Texts of manifests, as values that know their place: YAML, JSON, and what is embedded in them."""

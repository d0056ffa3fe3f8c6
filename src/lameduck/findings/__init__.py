"""The catalogue: one file per finding, readable as its own page. `catalogue.py` lists them, in order, by hand."""

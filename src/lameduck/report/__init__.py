"""Reports: one file per format. They draw the answer they are given and compute neither verdict nor timeline."""

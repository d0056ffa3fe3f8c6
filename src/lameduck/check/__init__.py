"""The static witness: what the files say about how their pods will end, and the changes that mend it."""

"""Programs in a container: which one gets the stop signal, what it does then, and how long that takes."""

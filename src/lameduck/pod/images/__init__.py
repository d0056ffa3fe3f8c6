"""Images: their names, what is known of them, and the Dockerfiles that they are built from."""

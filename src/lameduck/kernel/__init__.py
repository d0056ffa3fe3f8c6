"""What the kernel tells those who run in an application's image: `run` and the library. It imports next to nothing."""

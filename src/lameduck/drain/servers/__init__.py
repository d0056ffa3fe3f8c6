"""What runs an application, one file each: how it is found in this process, and how it is told to stop."""

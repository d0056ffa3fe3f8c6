"""What a shell does with a script: its grammar, and who gets the signals while it runs."""

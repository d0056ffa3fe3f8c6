"""`python -m lameduck`, for where the script is not on the PATH."""

from lameduck.cli import main

if __name__ == "__main__":
    main()

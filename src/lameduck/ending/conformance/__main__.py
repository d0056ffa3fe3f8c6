"""`python -m lameduck.ending.conformance FOLDER`."""

import sys

from lameduck.ending.conformance.replaying import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

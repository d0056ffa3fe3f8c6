"""`python -m lameduck.run -- COMMAND`, for images where the script is not on the PATH."""

import sys

from lameduck.run import main, prestop

if __name__ == "__main__":
    sys.exit(prestop(sys.argv[2:]) if sys.argv[1:2] == ["prestop"] else main(sys.argv[1:]))

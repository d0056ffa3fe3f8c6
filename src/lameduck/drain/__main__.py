"""`python -m lameduck.drain -- COMMAND`."""

import sys

from lameduck.drain.instrument import main

sys.exit(main(sys.argv[1:]))

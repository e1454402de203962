"""`python -m nno_sklearn` is the command `nno-sklearn`."""

import sys

from nno_sklearn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

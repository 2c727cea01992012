"""`python -m weft_lab`: what scripts/weft starts once everything is set up."""

import sys

from weft_lab.cli import main

sys.exit(main(sys.argv[1:]))

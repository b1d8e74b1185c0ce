"""Makes the modules of ../../main/python known to the tests; to be imported first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "main" / "python"))

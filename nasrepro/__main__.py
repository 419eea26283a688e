"""The command line whole, as `nasrepro` and as `python -m nasrepro`.

The engine's commands and those that reports bring.
"""

import nasrepro.reports.commands  # noqa: F401 -- adds its commands to `app`
from nasrepro.suite.cli import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()

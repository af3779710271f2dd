"""`python -m offlinedl`, and the command `offlinedl`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.disable()  # a third of a start is looks for garbage among what is imported; see wiring.run for when it is over
    from offlinedl.cli.main import run
    from offlinedl.cli.output import nowhere

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed by whoever started this: nobody listens
            setattr(sys, name, nowhere())
    code = run(sys.argv[1:])
    gc.freeze()  # the process ends: a last look for garbage among all objects costs a tenth of a short command's time
    sys.exit(code)


if __name__ == "__main__":
    main()

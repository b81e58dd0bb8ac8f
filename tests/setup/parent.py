"""Parent process that starts one child and then waits to be killed."""

import os
import signal
import sys
from pathlib import Path

from promoplatform.devserver.processes import Child

if __name__ == "__main__":
    program = "import signal; print('waiting', flush=True); signal.pause()"
    Child("child", [sys.executable, "-c", program], os.environ, cwd=Path.cwd(), grace=1.0).start()
    signal.pause()

"""What learners write in good faith, and what a grader must survive."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from deconv_tests.grader.hostile import GRADED, Case

RIGHT = "return _right(*args, **keywords)"


def _module(text: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "deconvlib" / "convolution.py").write_bytes(text)

    return write


def _link(folder: Path) -> None:
    path = folder / "deconvlib" / "convolution.py"
    path.rename(folder / "elsewhere.py")
    path.symlink_to(folder / "elsewhere.py")


def _pipe(folder: Path) -> None:
    path = folder / "deconvlib" / "convolution.py"
    path.unlink()
    os.mkfifo(path)


def _other_module_broken(folder: Path) -> None:
    (folder / "deconvlib" / "unpooling.py").write_text("def max_pool2d(:\n")


CASES = (
    # It does not end.
    Case("an endless loop", "while True: pass", status="timed out", says="deadline"),
    Case(
        "an endless loop that swallows every exception",
        """
        while True:
            try:
                while True: pass
            except BaseException:
                pass
        """,
        status="timed out",
    ),
    Case("sleeping", "import time; time.sleep(3600)", status="timed out"),
    Case("a loop in compiled code", "return sum(range(10 ** 15))", status="timed out"),
    Case(
        "endless only for one argument: its check alone is lost",
        """
        while args == (5,) and keywords == {"kernel": 5}: pass
        return _right(*args, **keywords)
        """,
        status="partial",
    ),
    # It ends too soon.
    Case("os._exit(0)", "import os; os._exit(0)", status="crashed", says="exit status 0"),
    Case("sys.exit(0)", "import sys; sys.exit(0)", says="exit"),
    Case("raising KeyboardInterrupt", "raise KeyboardInterrupt"),
    Case("raising GeneratorExit", "raise GeneratorExit"),
    Case("raising StopIteration", "raise StopIteration"),
    Case(
        "a segmentation fault",
        "import ctypes; ctypes.string_at(0)",
        status="crashed",
        says="SIGSEGV",
    ),
    Case(
        "recursion without an end",
        "import sys; sys.setrecursionlimit(10 ** 9)\nf = lambda n: f(n + 1) + 1\nreturn f(0)",
        status="crashed|timed out|failed",
    ),
    Case("recursion without an end, within Python's limit", "return conv_output_size(*args, **keywords)"),
    # It takes too much.
    Case("an array of a terabyte", "import numpy as np; return np.ones(10 ** 12)", says="MemoryError", level="rlimits"),
    Case(
        "memory without an end",
        "kept = []\nwhile True: kept.append(bytearray(1 << 24))",
        says="MemoryError",
        level="rlimits",
    ),
    Case("a right answer that prints a megabyte a call", "print('x' * 1_000_000)\n" + RIGHT, loses=()),
    Case("a right answer that warns", "import warnings; warnings.warn('careful')\n" + RIGHT, loses=()),
    Case("a right answer that writes to standard error", "import sys; sys.stderr.write('note')\n" + RIGHT, loses=()),
    # It returns something else.
    Case("None", "return None"),
    Case("NaN", "return float('nan')"),
    Case("infinity", "return float('inf')"),
    Case("a float for an int", "return float(_right(*args, **keywords))", says="float"),
    Case("a NumPy integer of one byte", "import numpy as np; return np.int8(_right(*args, **keywords))"),
    Case("an int of a million digits", "return 10 ** 1_000_000", says="too large"),
    Case("text of 100 MB", "return 'x' * 10 ** 8", says="too long"),
    Case("half a character", "return '\\ud800'"),
    Case("an array of objects", "import numpy as np; return np.array([_right(*args, **keywords)], object)"),
    Case(
        "a matrix (numpy.matrix) for an array",
        "import numpy as np; return np.matrix(_right(*args, **keywords))",
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
        says="matrix",
    ),
    Case(
        "a masked array",
        "import numpy as np; return np.ma.masked_array(_right(*args, **keywords))",
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
        says="MaskedArray",
    ),
    Case(
        "the wrong dtype",
        "return _right(*args, **keywords).astype('float16')",
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
        says="float16",
    ),
    Case(
        "long doubles",
        "import numpy as np; return _right(*args, **keywords).astype(np.longdouble)",
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
    ),
    Case("a generator that never ends", "import itertools; return itertools.count()", says="count"),
    Case("lists nested ten thousand deep", "a = []\nfor _ in range(10_000): a = [a]\nreturn a", says="nested"),
    Case("a list that holds itself", "a = []; a.append(a); return a", says="nested"),
    Case(
        "a billion numbers that are one number",
        "import numpy as np; return np.broadcast_to(1.0, 10 ** 9)",
        says="large",
    ),
    Case("a million small values", "return list(range(1_000_000))", says="too many"),
    Case(
        "an array of 60 MB",
        "import numpy as np; return np.zeros((2738, 2738))",
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
        says="shape",
    ),
    Case(
        "an array of 30 dimensions",
        "import numpy as np; return np.zeros((1,) * 30)",
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
    ),
    Case("a list of 15,000 numbers", "return list(range(15_000))"),
    Case("a text of 60,000 characters", "return '\\x1b[31m' * 12_000"),
    Case("nine thousand images", "import numpy as np; return [np.zeros((4, 3, 5), np.int8)] * 9000", says="9000"),
    Case(
        "nine thousand images in a list of lists",
        "import numpy as np; return [[np.zeros((4, 10, 14), np.int8)] * 9000]",
    ),
    Case("a dict of four thousand", "return {'key' * 50 + str(i): 1 for i in range(4000)}", says="dict"),
    Case(
        "a million numbers that the check would go on to compute with",
        """
        import numpy as np
        return np.ones(1_000_000, np.int8) if args[0].dtype == np.int64 else _right(*args, **keywords)
        """,
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
        status="partial",
        says="",
    ),
    Case("a function", "return lambda: 1", says="function"),
    Case(
        "its argument, changed in place",
        "args[0][...] *= 2; return _right(*args, **keywords)",
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
    ),
    # What it says.
    Case(
        "control characters and workflow commands in a message",
        "raise ValueError('\\x1b[2J\\x00\\n::error::gotcha\\r')",
    ),
    Case(
        "an exception whose message cannot be read",
        "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E",
    ),
    Case("a message of 100 MB", "raise ValueError('x' * 10 ** 8)"),
    # The module does not import.
    Case("a syntax error", top="def broken(:\n    pass", loses=GRADED, status="crashed", says="line"),
    Case("an exception while importing", top="1 / 0", loses=GRADED, status="crashed", says="1 / 0"),
    Case("exit while importing", top="raise SystemExit", loses=GRADED, status="crashed", says="exit"),
    Case("os._exit while importing", top="import os; os._exit(0)", loses=GRADED, status="crashed"),
    Case("a typing error in an import", top="import nunpy", loses=GRADED, status="crashed", says="nunpy"),
    Case("text that is not UTF-8", files=_module(b"x = 1\n# \xff\n"), loses=GRADED, status="crashed", says="line 2"),
    Case("null bytes", files=_module(b"x = 1\0\n"), loses=GRADED, status="crashed", says="null"),
    Case("a file of 10 MB", files=_module(b"# " + b"x" * 10_000_000), loses=GRADED, status="crashed", says="bytes"),
    Case("brackets a hundred thousand deep", files=_module(b"x = " + b"(" * 100_000), loses=GRADED, status="crashed"),
    Case(
        "minus signs a hundred thousand deep",
        files=_module(b"x = " + b"-" * 100_000 + b"1"),
        loses=GRADED,
        status="crashed",
    ),
    Case("an empty module", files=_module(b""), loses=GRADED, status="not started"),
    Case("a link for a module", files=_link, loses=GRADED, status="crashed", says="link"),
    Case("a pipe for a module", files=_pipe, loses=GRADED, status="crashed", says="ordinary"),
    Case("another chapter's module broken", files=_other_module_broken, loses=()),
    # Kindness.
    Case("matplotlib imported at the top and not used", top="import matplotlib.pyplot as plt", loses=()),
    Case(
        "torch imported at the top, used in one exercise",
        "torch.ones(1)\n" + RIGHT,
        top="import torch",
        status="forbidden",
        says="torch",
    ),
)

"""What someone writes who wants points without an answer, or to do damage."""

from __future__ import annotations

from pathlib import Path

from deconv_tests.grader.hostile import SOLUTIONS, Case

ROOT = SOLUTIONS.parent


def _shadows(folder: Path) -> None:
    """Files that a careless grader would import or obey."""
    text = "import os\nos._exit(0)\n"
    for name in ("conftest.py", "pytest.py", "numpy.py", "sitecustomize.py", "usercustomize.py", "json.py"):
        (folder / name).write_text(text)
        (folder / "deconvlib" / name).write_text(text)
    for name in ("__init__.py", "course.py"):
        (folder / "deconvlib" / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    course = folder / "deconvlib" / "course"
    course.mkdir()
    for name in ("__init__.py", "exercise.py", "catalogue.py", "workspace.py"):
        (course / name).write_text(text)
    grader = folder / "deconv_grader"
    grader.mkdir()
    (grader / "__init__.py").write_text(text)


def _result_files(folder: Path) -> None:
    for name in ("result.json", "results.json", "junit.xml"):
        (folder / name).write_text('{"score": 100, "maximum": 100}')


def _upsampling(folder: Path) -> None:
    """The module is upsampling's, and convolution is missing."""
    module = folder / "deconvlib" / "convolution.py"
    text = module.read_text().replace("_right = resize_conv2d", "")
    module.unlink()
    (folder / "deconvlib" / "upsampling.py").write_text(text)


# A frame that says what the grader wants to hear, and how to send it: the worker's socket is descriptor 3.
FORGE = """
import json, os, struct
def _send(fields, payload=b"", claimed=None):
    header = json.dumps(fields).encode()
    os.write(3, struct.pack("<II", len(header), len(payload) if claimed is None else claimed) + header + payload)
"""

CASES = (
    # Damage.
    Case("a fork bomb", "import os\nwhile True: os.fork()", level="rlimits", status="failed|timed out|crashed"),
    Case(
        "a fork bomb that swallows every error",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        level="rlimits",
        status="timed out|crashed",
    ),
    Case(
        "starting a program",
        "import subprocess; return len(subprocess.run(['true']).args)",
        level="seccomp",
        says="Permission",
    ),
    Case(
        "a program that outlives it",
        "import os\nif os.fork() == 0:\n    os.setsid()\n    while True: pass\nreturn 1",
        level="seccomp",
        says="Permission",
    ),
    Case("killing its parent", "import os, signal; os.kill(os.getppid(), signal.SIGKILL); return 1", level="seccomp"),
    Case(
        "killing everything",
        "import os, signal; os.kill(-1, signal.SIGKILL); return 1",
        level="seccomp",
        status="failed|crashed",
    ),
    Case(
        "stopping itself",
        "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); return 1",
        status="failed|timed out",
    ),
    Case("aborting", "import os; os.abort()", status="crashed"),
    Case(
        "ten thousand threads",
        "import threading, time\nfor _ in range(10_000): threading.Thread(target=time.sleep, args=(9,)).start()\nreturn 1",
        level="rlimits",
        status="failed|timed out|crashed",
    ),
    Case("every file descriptor", "import os\nkept = [os.dup(0) for _ in range(100_000)]\nreturn 1", level="rlimits"),
    Case("writing a file", "open(CANARY, 'w').write('100'); return 1", level="seccomp", says="Permission"),
    Case("removing a file", "import os; os.unlink(CANARY); return 1", level="seccomp", says="Error"),
    Case("changing permissions", "import os; os.chmod(CANARY, 0o777); return 1", level="seccomp", says="Error"),
    Case(
        "shared memory that outlives it",
        "from multiprocessing import shared_memory\nreturn shared_memory.SharedMemory(create=True, size=64).size",
        level="seccomp",
        says="Error",
    ),
    Case(
        "the network",
        "import socket; socket.create_connection(('127.0.0.1', 9), timeout=1); return 1",
        level="seccomp",
        says="Permission",
    ),
    Case(
        "a server",
        "import socket; socket.create_server(('127.0.0.1', 0)); return 1",
        level="seccomp",
        says="Permission",
    ),
    Case(
        "ptrace",
        "import ctypes, os; assert ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) == 0; return 1",
        level="seccomp",
    ),
    Case(
        "its parent's limits",
        "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (1, 1)); return 1",
        level="seccomp",
        says="Error",
    ),
    Case(
        "its parent's processors",
        "import os; os.sched_setaffinity(os.getppid(), {0}); return 1",
        level="seccomp",
        says="Error",
    ),
    Case(
        "a descriptor that signals its parent",
        "import fcntl, os; fcntl.fcntl(3, fcntl.F_SETOWN, os.getppid()); return 1",
        level="seccomp",
        says="Error",
    ),
    Case(
        "a descriptor that signals its parent, by another call",
        "import fcntl, os, struct; fcntl.ioctl(3, 0x8901, struct.pack('i', os.getppid())); return 1",
        level="seccomp",
        says="ioctl",
    ),
    Case(
        "a descriptor that kills",
        "import fcntl; fcntl.fcntl(3, 10, 9); return 1",
        level="seccomp",
        says="Error",
    ),
    Case(
        "the user's message queues",
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.mq_unlink(b"/nothing") == -1
        raise OSError(ctypes.get_errno(), "refused" if ctypes.get_errno() == 1 else "tried")
        """,
        level="seccomp",
        says="refused",
    ),
    Case(
        "the limits of its own",
        "import resource\nresource.prlimit(0, resource.RLIMIT_NOFILE)\nreturn _right(*args, **keywords)",
        loses=(),
    ),
    # Points without an answer: the solutions.
    Case(
        "reading the solutions from disk",
        f"""
        space = {{}}
        exec(open({str(SOLUTIONS / "convolution.py")!r}).read(), space)
        return space["conv_output_size"](*args, **keywords)
        """,
        level="bubblewrap",
        says="Error",
    ),
    Case(
        "importing the solutions",
        "import deconv_solutions.convolution as s; return s.conv_output_size(*args, **keywords)",
        says="deconv_solutions",
    ),
    Case(
        "importing the solutions with a path of its own",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import solutions.convolution as s; return s.conv_output_size(*args, **keywords)",
        level="bubblewrap",
        says="solutions",
    ),
    Case(
        "the tests",
        "import deconv_tests.test_convolution as t; return t.reference.conv_output_size(*args, **keywords)",
        says="deconv_tests",
    ),
    Case(
        "the course's own way to the reference",
        "from deconvlib.course.exercise import reference; return reference('convolution.conv_output_size')(*args, **keywords)",
        says="no reference",
    ),
    Case(
        "asking the grader for the reference of the exercise itself",
        """
        import gc
        worker = next(thing for thing in gc.get_objects() if type(thing).__name__ == "Worker" and hasattr(thing, "ask"))
        fields = {"kind": "reference", "exercise": "convolution.conv_output_size"}
        return worker.ask(fields, [list(args), dict(keywords)])
        """,
        status="crashed",
        says="may not have",
    ),
    Case("looking at its caller's variables", "import sys; return sys._getframe(5).f_locals['expected']"),
    Case(
        "reading its parent's memory",
        "import os; open(f'/proc/{os.getppid()}/mem', 'rb').read(1); return 1",
        level="seccomp",
        says="Error",
    ),
    Case(
        "scipy in a write-it-yourself exercise",
        "from scipy.signal import correlate\n" + "return _right(*args, **keywords)",
        loses=(),
        graded=("conv_output_size",),
    ),
    Case(
        "scipy, used",
        "from scipy.signal import correlate; return correlate([1], [1]).size",
        status="forbidden",
        says="scipy",
    ),
    Case(
        "scipy, found by a path of its own",
        "import sys, numpy, os; sys.meta_path.pop(0); sys.path.append(os.path.dirname(os.path.dirname(numpy.__file__)))\nfor finder in list(sys.meta_path):\n    if type(finder).__name__ == 'NotAllowed': sys.meta_path.remove(finder)\nimport scipy.signal as s; return _right(*args, **keywords)",
        level="bubblewrap",
        status="failed",
        says="scipy",
    ),
    # Points without an answer: the comparison.
    Case(
        "an int that equals everything",
        "class Yes(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\nreturn Yes(1)",
        says="Yes",
    ),
    Case(
        "an array that equals everything",
        """
        import numpy as np
        class Yes(np.ndarray):
            def __array_ufunc__(self, *args, **keywords): return np.True_
            def __array_function__(self, *args, **keywords): return True
            def __eq__(self, other): return True
        return np.zeros((1, 1)).view(Yes)
        """,
        exercise="convolve2d_full",
        loses=("convolve2d_full",),
        says="Yes",
    ),
    Case(
        "patching the comparison",
        "import numpy as np\nnp.array_equal = np.allclose = np.testing.assert_allclose = lambda *a, **k: True\nreturn 0",
    ),
    Case(
        "patching the worker",
        "import sys\nw = sys.modules['deconv_grader.isolation.worker']; w.same = w.shares = lambda *a: True\nreturn 0",
    ),
    Case(
        "raising what pytest takes for a skipped test",
        "class Skipped(BaseException): pass\nSkipped.__module__ = 'builtins'\nraise Skipped('passed')",
    ),
    Case("raising NotImplementedError late", "import time; raise NotImplementedError"),
    Case(
        "half a float, beside which every large number is infinite",
        "import numpy as np; return np.float16('inf')",
        exercise="conv_output_size",
    ),
    # Forged frames.
    Case(
        "a forged result",
        '_send({"kind": "result", "number": 2, "body": {"points": 100}, "status": "passed", "score": 100}); return 0',
        top=FORGE,
        status="failed|crashed",
    ),
    Case(
        "a forged result for every call to come",
        'for n in range(1000): _send({"kind": "result", "number": n, "body": 0})\nreturn 0',
        top=FORGE,
        status="failed|crashed|timed out",
    ),
    Case(
        "junk on the channel", "import os; os.write(3, b'\\xff' * 1000); return 1", status="crashed", says="too large"
    ),
    Case(
        "a frame of 4 GB, announced",
        '_send({"kind": "result", "number": 2, "body": 0}, claimed=2 ** 32 - 1); return 1',
        top=FORGE,
        status="crashed",
        says="too large",
    ),
    Case(
        "a frame that never ends",
        "import os, time; os.write(3, bytes([0, 0, 1, 0, 0, 0, 0, 0])); time.sleep(3600)",
        status="timed out",
    ),
    Case(
        "a header that is not JSON",
        "import os; os.write(3, bytes([4, 0, 0, 0, 0, 0, 0, 0]) + b'nope'); return 1",
        status="crashed",
        says="JSON",
    ),
    Case(
        "a header nested a hundred thousand deep",
        "import os, struct; h = b'[' * 100_000; os.write(3, struct.pack('<II', len(h), 0) + h); return 1",
        status="crashed",
        says="JSON",
    ),
    Case(
        "an array larger than its bytes",
        '_send({"kind": "result", "number": 2, "body": {"array": "<f8", "shape": [1 << 40], "bytes": 8}}, bytes(8)); return 1',
        top=FORGE,
        status="crashed",
    ),
    Case(
        "an array of objects on the wire",
        '_send({"kind": "result", "number": 2, "body": {"array": "|O", "shape": [1], "bytes": 8}}, bytes(8)); return 1',
        top=FORGE,
        status="crashed",
        says="dtype",
    ),
    Case(
        "strides in a reply",
        '_send({"kind": "result", "number": 2, "body": {"array": "<f8", "shape": [1 << 20], "strides": [0], "offset": 0, "bytes": 8}}, bytes(8)); return 1',
        top=FORGE,
        status="crashed",
    ),
    Case(
        "a handle that was never given",
        '_send({"kind": "result", "number": 2, "body": {"handle": 99, "type": "int\\x1b[2J"}}); return 1',
        top=FORGE,
        status="failed|crashed",
    ),
    Case(
        "a function that was never passed",
        '_send({"kind": "callback", "function": 0, "body": [[], {}]}); return 1',
        top=FORGE,
        status="crashed",
    ),
    Case(
        "questions without an end",
        'while True: _send({"kind": "reference", "exercise": "convolution.im2col", "body": [[], {}]})',
        top=FORGE,
        status="crashed",
    ),
    Case("closing the channel", "import os; os.close(3); return 1", status="crashed"),
    Case(
        "an exception of a type that is none",
        '_send({"kind": "error", "number": 2, "type": "exit", "base": "exec", "message": ["x"], "lines": {"a": 1}, "body": None}); return 1',
        top=FORGE,
        status="failed|crashed",
    ),
    Case(
        "a line of a module that is none",
        """
        lines = [["\\x1b[2J\\n::error::gotcha\\u202e", 1]]
        _send({"kind": "error", "number": 2, "type": "ValueError", "base": "ValueError", "message": "sorry",
               "lines": lines, "body": None})
        return 1
        """,
        top=FORGE,
        says="sorry",
    ),
    Case(
        "a product of matrices that would take minutes, asked of the reference",
        """
        import numpy as np
        from deconvlib.convolution import conv2d
        conv2d(np.ones((1, 4000, 1, 1), np.int8), np.ones((4000, 4000, 1, 1), np.int8), padding=100)
        return 1
        """,
        exercise="resize_conv2d",
        graded=("resize_conv2d",),
        loses=("resize_conv2d",),
        status="timed out|failed",
        files=_upsampling,
    ),
    Case(
        "half a character in an error",
        """
        _send({"kind": "error", "number": 2, "type": "\\ud800", "base": "ValueError", "message": "sorry\\udfff",
               "lines": [], "body": None})
        return 1
        """,
        top=FORGE,
        says="sorry",
    ),
    Case(
        "a question that takes longer to read than to send",
        """
        import socket
        line = socket.socket(fileno=os.dup(3))
        header = json.dumps({"kind": "reference", "exercise": "convolution.im2col",
                             "body": [["x" * 65_000] * 14 + [1] * 15_000, {"dict": {}}]}).encode()
        while True:
            line.sendall(struct.pack("<II", len(header), 0) + header)
            line.recv(sum(struct.unpack("<II", line.recv(8, socket.MSG_WAITALL))), socket.MSG_WAITALL)
        """,
        top=FORGE,
        exercise="conv2d",
        graded=("conv2d",),
        loses=("conv2d",),
        status="timed out",
    ),
    # Files beside the module.
    Case("files that a careless grader would import", files=_shadows, loses=()),
    Case("results of its own", files=_result_files, loses=()),
)

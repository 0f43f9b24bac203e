"""A filter in the kernel: what a worker may not ask for, whatever it is allowed to see.

It needs no privilege and no package. The refused calls are those that start processes, reach the network, signal or
inspect other processes, change files, or leave something behind that outlives the worker. Opening a file to write is
refused as well, by the flags of the call. Threads are allowed.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _EQUAL, _GREATER_EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MACHINE = 0, 4  # offsets in the kernel's struct seccomp_data
# O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND, and the bit that is O_TMPFILE's own.
_WRITING = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000 | 0o20000000
_THREAD = 0x10000  # CLONE_THREAD
_SIGNAL_OPTION = 1  # PR_SET_PDEATHSIG: the worker must die with its starter

# Names and numbers of the refused calls: (x86_64, aarch64). None: the machine has no such call.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # processes
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "unshare": (272, 97),
    "setns": (308, 268), "setsid": (112, 157), "setpgid": (109, 154), "personality": (135, 92),
    # the network, and what could stand in for it
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # other processes
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "process_madvise": (440, 440), "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438), "kcmp": (312, 272), "setpriority": (141, 140),
    "ioprio_set": (251, 30), "migrate_pages": (256, 238), "move_pages": (279, 239), "process_mrelease": (448, 448),
    # files
    "creat": (85, None), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "link": (86, None),
    "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "unlink": (87, None), "unlinkat": (263, 35),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "mknod": (133, None), "mknodat": (259, 33),
    "truncate": (76, 45), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "mount_setattr": (442, 442), "fspick": (433, 433), "open_tree_attr": (467, 467), "setxattrat": (463, 463),
    "removexattrat": (466, 466), "file_setattr": (469, 469), "quotactl_fd": (443, 443), "flock": (73, 32), "fanotify_init": (300, 262), "inotify_init1": (294, 26),
    "inotify_init": (253, None), "sync": (162, 81), "syncfs": (306, 267),
    # what outlives a process
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semctl": (66, 191),
    "semop": (65, 193), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # the machine
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "create_module": (174, None), "clock_adjtime": (305, 266), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162), "acct": (163, 89),
    "quotactl": (179, 60), "syslog": (103, 116), "iopl": (172, None), "ioperm": (173, None),
}  # fmt: skip

# Calls whose arguments decide, and those that must seem absent so that the C library takes the older one.
_OPEN, _OPENAT, _CLONE, _PRCTL = (2, None), (257, 56), (56, 220), (157, 167)
# Limits and processors of the caller itself (0), and of no other process.
_OWN_ONLY = (
    (302, 261),
    (203, 122),
    (144, 119),
    (142, 118),
    (314, 274),
)  # prlimit64, sched_set{affinity,scheduler,param,attr}
# F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY: a descriptor that signals whom one likes.
_FCNTL, _SIGNALLING = (72, 25), (8, 10, 15, 1024, 1026)
# TCGETS (twice), TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX; others set owners, flags, terminals.
_IOCTL, _HARMLESS = (16, 29), (0x5401, 0x802C542A, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_ABSENT = ((435, 435), (437, 437))  # clone3, openat2: their arguments cannot be looked at

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def _program(machine: str) -> list[tuple[int, int, int, int]]:
    column, audit = _MACHINES[machine]
    lines: list[tuple[int, int, int, int]] = []

    def returns(value: int) -> None:
        lines.append((_RETURN, 0, 0, value))

    def refuse(number: int | None, error: int) -> None:
        if number is not None:
            lines.append((_EQUAL, 0, 1, number))
            returns(ERRNO | error)

    def refuse_if(number: int | None, argument: int, test: int, value: int, wanted: bool, error: int) -> None:
        """Refuse a call whose argument passes (or, unless `wanted`, fails) a test."""
        if number is None:
            return
        lines.append((_EQUAL, 0, 4, number))
        lines.append((_LOAD, 0, 0, 16 + 8 * argument))
        lines.append((test, 0, 1, value) if wanted else (test, 1, 0, value))
        returns(ERRNO | error)
        returns(ALLOW)

    def refuse_among(number: int | None, argument: int, values: tuple[int, ...], among: bool, error: int) -> None:
        """Refuse a call whose argument is (or, unless `among`, is not) one of `values`."""
        if number is None:
            return
        lines.append((_EQUAL, 0, len(values) + 3, number))
        lines.append((_LOAD, 0, 0, 16 + 8 * argument))
        lines.extend((_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values))
        returns(ALLOW if among else ERRNO | error)
        returns(ERRNO | error if among else ALLOW)

    lines.append((_LOAD, 0, 0, _MACHINE))
    lines.append((_EQUAL, 1, 0, audit))
    returns(KILL)  # another instruction set's calls have other numbers
    lines.append((_LOAD, 0, 0, _NUMBER))
    if machine == "x86_64":
        lines.append((_GREATER_EQUAL, 0, 1, 0x40000000))  # the x32 numbers
        returns(KILL)
    refuse_if(_OPEN[column], 1, _ANY_BIT, _WRITING, True, errno.EACCES)
    refuse_if(_OPENAT[column], 2, _ANY_BIT, _WRITING, True, errno.EACCES)
    refuse_if(_CLONE[column], 0, _ANY_BIT, _THREAD, False, errno.EPERM)
    refuse_if(_PRCTL[column], 0, _EQUAL, _SIGNAL_OPTION, True, errno.EPERM)
    for own in _OWN_ONLY:
        refuse_among(own[column], 0, (0,), False, errno.EPERM)
    refuse_among(_FCNTL[column], 1, _SIGNALLING, True, errno.EPERM)
    refuse_among(_IOCTL[column], 1, _HARMLESS, False, errno.ENOTTY)
    for absent in _ABSENT:
        refuse(absent[column], errno.ENOSYS)
    for numbers in _REFUSED.values():
        refuse(numbers[column], errno.EPERM)
    returns(ALLOW)
    return lines


def install() -> bool:
    """Put the filter on this process, for good. Returns whether it is in place."""
    machine = platform.machine()
    if machine not in _MACHINES or struct.calcsize("P") != 8:
        return False
    lines = _program(machine)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = struct.pack("=H6xQ", len(lines), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    # PR_SET_NO_NEW_PRIVS, then PR_SET_SECCOMP with a filter.
    return libc.prctl(38, ctypes.c_ulong(1), zero, zero, zero) == 0 and libc.prctl(22, ctypes.c_ulong(2), program) == 0

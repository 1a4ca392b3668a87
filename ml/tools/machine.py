"""What this process has of the machine: cores, and the memory it has held."""

import ctypes
import os
import resource
import sys


def cores() -> int:
    """Give the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # macOS cannot bind a process to cores
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory_mb() -> float:
    """Give the most memory that this process has held so far, in MB of 10^6 bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def give_memory_back() -> None:
    """
    Give memory that was freed back to the system.

    The C library of most Linux systems keeps what the threads of finished fits had freed, and new
    threads take new memory beside it (malloc_trim in its manual). Others need no call.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)

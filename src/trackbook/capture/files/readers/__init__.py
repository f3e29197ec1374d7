"""Adapters that tell which files native readers and writers open, which Python's own audit events do not show.

They raise the event `trackbook.capture.files.audit.NATIVE` in the thread of the call, as Python does when it opens a
file.
"""

from trackbook.capture.files.readers.hooks import install

__all__ = ["install"]

"""The status of a submission; see `asyncflow.status`."""

from __future__ import annotations

from asyncflow.status import SubmissionStatus as SubmissionStatus
from asyncflow.status import status_of as status_of

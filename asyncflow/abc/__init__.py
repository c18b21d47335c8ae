"""The seams: what an executor, a driver and a store promise.

This package is imported by workers too: at run time it needs the standard library only.
"""

from __future__ import annotations

from asyncflow.abc.driver import Driver as Driver
from asyncflow.abc.driver import is_address as is_address
from asyncflow.abc.executor import Call as Call
from asyncflow.abc.executor import Executor as Executor
from asyncflow.abc.executor import HeldValues as HeldValues
from asyncflow.abc.executor import Pinned as Pinned
from asyncflow.abc.executor import ValuesAddress as ValuesAddress
from asyncflow.abc.executor import Watch as Watch
from asyncflow.abc.executor import WorkerInfo as WorkerInfo
from asyncflow.abc.store import Store as Store
from asyncflow.abc.store import StoreWatcher as StoreWatcher
from asyncflow.worker.current import Progress as Progress
from asyncflow.worker.outcome import Crashed as Crashed
from asyncflow.worker.outcome import Killed as Killed
from asyncflow.worker.outcome import Log as Log
from asyncflow.worker.outcome import Outcome as Outcome
from asyncflow.worker.outcome import Printed as Printed
from asyncflow.worker.outcome import Raised as Raised
from asyncflow.worker.outcome import Returned as Returned
from asyncflow.worker.outcome import StoredValue as StoredValue
from asyncflow.worker.outcome import Usage as Usage
from asyncflow.worker.streams import Mode as Mode
from asyncflow.worker.wire import Made as Made

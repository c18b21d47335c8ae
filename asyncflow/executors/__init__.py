"""Executors: where jobs run. One file, or folder, each."""

BUILT_IN = {
    "process": "asyncflow.executors.process.executor:ProcessExecutor",
    "thread": "asyncflow.executors.thread:ThreadExecutor",
    "inline": "asyncflow.executors.inline:InlineExecutor",
}
"""What a task may name as its executor."""

MODES = {
    "development": "asyncflow.executors.inline:InlineExecutor",
    "standalone": "asyncflow.executors.process.executor:ProcessExecutor",
    "cluster": "asyncflow.executors.dask.executor:DaskExecutor",
}
"""The executor of each mode: it takes the place of the `DEFAULT` one."""

DEFAULT = "process"
"""What a task names that names none."""

ASYNC = "inline"
"""Where ``async def`` functions run, whatever their tasks name."""

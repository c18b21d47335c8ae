"""Dispatch: carries out what the plan says, with slots, batches and attempts.

The engine in half an hour, in this order:

- `plan/instructions.py`: what the plan can say: get ready, end, kill, finish.
- `plan/plan.py`: events in, instructions out: which job is ready, which run is over.
- `dispatch/scheduler.py`: takes runs in, carries instructions out, ends runs.
- `dispatch/slots.py`: starts a slot for each job that may run now, within the limiter.
- `dispatch/attempt.py`: one job with a slot, its call, and what its outcome means.
- `dispatch/completion.py`: outputs become visible and are saved with the end of a job.
"""

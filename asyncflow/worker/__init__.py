"""What a worker process imports: the standard library and cloudpickle, nothing else."""

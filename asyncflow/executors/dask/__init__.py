"""The executor of ``cluster`` mode: worker processes on the hosts of a Dask cluster."""

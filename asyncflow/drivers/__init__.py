"""Drivers: how each storage type reads and writes a value. One file each."""

BUILT_IN = {
    "pickle": "asyncflow.drivers.pickle:PickleDriver",
    "in_memory": "asyncflow.drivers.in_memory:MemoryDriver",
    "json": "asyncflow.drivers.json:JSONDriver",
    "csv": "asyncflow.drivers.csv:CSVDriver",
    "parquet": "asyncflow.drivers.parquet:ParquetDriver",
    "excel": "asyncflow.drivers.excel:ExcelDriver",
    "sql_table": "asyncflow.drivers.sql_table:SqlTableDriver",
    "sql": "asyncflow.drivers.sql:SqlQueryDriver",
    "mongo_collection": "asyncflow.drivers.mongo_collection:MongoDriver",
    "s3_object": "asyncflow.drivers.s3_object:S3Driver",
    "generic": "asyncflow.drivers.generic:GenericDriver",
}
"""The driver of each storage type."""

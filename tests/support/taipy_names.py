"""The public names of Taipy's scenario management, and what became of each here.

A line is ``name: same``, ``name: same(first, parameters, in, order)``, ``name: other PLACE``
where the name here is another one, ``name: otherwise - why`` where something else was
decided, or ``name: missing`` where it is not there yet. What follows `` - `` is said in the
documentation. ``python -m tests.support.taipy_names`` marks what was missing and is here by
now as the same, and writes the tables of the page anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

import asyncflow
import asyncflow.sync as tp
from asyncflow import Config
from asyncflow.sync import exceptions

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-taipy.md"

NAMES: dict[str, str] = {
    "tp": """
cancel_job: same(job)
can_create: same(config)
clean_all_entities: same(version_number)
compare_scenarios: same
create_global_data_node: same(config)
create_scenario: same(config, creation_date, name)
delete: same(entity_id) - a scenario, a cycle or a submission; what is a part of these goes with them
delete_job: same(job, force) - its run has to have ended; `force` cancels that
delete_jobs: same - those whose runs have ended
exists: same(entity_id)
get: same(entity_id) - raises `NotFound` where there is nothing, and never gives None
get_cycles: same
get_cycles_scenarios: same
get_data_nodes: same
get_entities_by_config_id: same(config_id)
get_jobs: same
get_latest_job: same(task)
get_latest_submission: same(entity)
get_parents: same(entity) - without `parent_dict`: join the dicts
get_primary: same(cycle)
get_primary_scenarios: same(is_sorted, descending, created_start_time, created_end_time, sort_key)
get_scenarios: same(cycle, tag, is_sorted, descending, created_start_time, created_end_time, sort_key)
get_sequences: same
get_submissions: same
get_tasks: same
is_deletable: same(entity)
is_editable: same(entity)
is_promotable: same(scenario)
is_readable: same(entity)
is_submittable: same(entity)
run: same
set: same(entity) - does nothing, as what is set is kept as it is set
set_primary: same(scenario)
submit: same(entity, force, wait, timeout)
subscribe_scenario: same(callback, params, scenario) - also for those created later
subscribe_sequence: same(callback, params, sequence)
tag: same(scenario, tag)
unsubscribe_scenario: same(callback, params, scenario)
unsubscribe_sequence: same(callback, params, sequence)
untag: same(scenario, tag)
Config: same
Core: other Orchestrator - Taipy has deprecated it
Cycle: same
CycleId: same - another name of `str`
DataNode: same
DataNodeId: same - another name of `str`
Frequency: same
Job: same
JobId: same - another name of `str`
Orchestrator: same
Rest: otherwise - a face of its own, not of scenario management
Scenario: same
ScenarioId: same - another name of `str`
Scope: same
Sequence: same
SequenceId: same - another name of `str`
Status: same
Submission: same
SubmissionId: same - another name of `str`
SubmissionStatus: same
Submittable: same - a scenario, a sequence or a task
Task: same
TaskId: same - another name of `str`
""",
    "Config": """
backup: same(filename)
block_update: otherwise - the configuration may change at any time; runs are snapshots
check: same - returns nothing, and raises `ConfigError` with all problems
configure_core: same - by name; Taipy's storage options are taken, and have no effect
configure_csv_data_node: same(id, default_path, encoding, has_header, exposed_type, scope, validity_period)
configure_data_node: same(id, storage_type, scope, validity_period)
configure_data_node_from: same(source_configuration, id)
configure_excel_data_node: same(id, default_path, has_header, sheet_name, exposed_type, scope, validity_period)
configure_generic_data_node: same(id, read_fct, write_fct, read_fct_args, write_fct_args, scope, validity_period)
configure_global_app: same
configure_in_memory_data_node: same(id, default_data, scope, validity_period)
configure_job_executions: same(mode, max_nb_of_workers)
configure_json_data_node: same(id, default_path, encoding, encoder, decoder, scope, validity_period)
configure_mongo_collection_data_node: same(id, db_name, collection_name, custom_document, db_username, db_password, db_host, db_port, db_driver, db_extra_args, scope, validity_period)
configure_parquet_data_node: same(id, default_path, engine, compression) - then `read_options`, `write_options`; `read_kwargs`, `write_kwargs` are taken by name
configure_pickle_data_node: same(id, default_path, default_data, scope, validity_period)
configure_s3_object_data_node: same(id, aws_access_key, aws_secret_access_key, aws_s3_bucket_name, aws_s3_object_key, aws_region, aws_s3_client_parameters, aws_s3_get_object_parameters, aws_s3_put_object_parameters, scope, validity_period) - or any storage type at a path `s3://bucket/key`
configure_scenario: same(id, task_configs, additional_data_node_configs, frequency, comparators, sequences)
configure_sql_data_node: same(id, db_name, db_engine, read_query, write_query_builder, append_query_builder, db_username, db_password, db_host, db_port, db_driver, sqlite_folder_path, sqlite_file_extension, db_extra_args, exposed_type, scope, validity_period)
configure_sql_table_data_node: same(id, db_name, db_engine, table_name, db_username, db_password, db_host, db_port, db_driver, sqlite_folder_path, sqlite_file_extension, db_extra_args, exposed_type, scope, validity_period)
configure_task: same(id, function, input, output, skippable)
core: same
data_nodes: same - without the key `"default"`: that is `Config.defaults`
export: same(filename)
global_config: same
job_config: same
load: same(filename)
override: same(filename)
restore: same(filename)
scenarios: same
sections: same
set_default_data_node_configuration: same(storage_type, scope, validity_period)
set_default_scenario_configuration: same(task_configs, additional_data_node_configs, frequency, comparators, sequences)
set_default_task_configuration: same(function, input, output, skippable)
tasks: same
unblock_update: otherwise - as `block_update`
unique_sections: same
""",
    "DataNodeConfig": """
id: same
name: same - the kind of section, `DATA_NODE`
properties: same
scope: same
storage_type: same
validity_period: same
""",
    "TaskConfig": """
function: same
id: same
input_configs: same
inputs: same
name: same - `TASK`
output_configs: same
outputs: same
properties: same
scope: same
skippable: same
""",
    "ScenarioConfig": """
add_comparator: same(dn_config_id, comparator) - or the config itself
add_sequences: same(sequences)
additional_data_node_configs: same
additional_data_nodes: same
comparators: same
data_node_configs: same
data_nodes: same
delete_comparator: same(dn_config_id) - likewise
draw: other ScenarioConfig.dag
frequency: same
id: same
name: same - `SCENARIO`
properties: same
remove_sequences: same(sequence_names)
sequences: same
task_configs: same
tasks: same
""",
    "JobConfig": """
is_development: same
is_standalone: same
max_nb_of_workers: same - None, the default, is as many as there are CPUs
mode: same
properties: same
""",
    "CoreConfig": """
core_version: same - without effect
force: same
mode: same
properties: same
read_entity_retry: same - without effect: nothing is read half written
repository_properties: same - without effect: `Orchestrator(store=...)`
repository_type: same - without effect: `Orchestrator(store=...)`
root_folder: same - without effect, as in Taipy
storage_folder: same - without effect: `values` is the folder of large values
taipy_storage_folder: same - without effect: `Orchestrator(store=...)`
version_number: same
""",
    "Problem": """
field: same
level: same - `WARNING` where an orchestrator opens all the same
message: same
tag: other Problem.section
value: otherwise - it is in the message
""",
    "ConfigError": """
all: other ConfigError - its `problems`
errors: other ConfigError - its `problems`
infos: otherwise - lines of the log
warnings: otherwise - lines of the log
""",
    "Orchestrator": """
run: same(force_restart)
stop: same(wait, timeout)
""",
    "Scenario": """
add_sequence: same(name, tasks, properties) - without `subscribers`: `sequence.subscribe`
add_sequences: same(sequences)
add_tag: same(tag)
additional_data_nodes: same
config_id: same
creation_date: same - with a time zone, as all dates
cycle: same
data_nodes: same
data_nodes_being_edited: same
get_inputs: same
get_intermediate: same
get_label: same
get_outputs: same
get_simple_label: same
has_tag: same(tag)
id: same
is_deletable: same
is_primary: same
is_ready_to_run: same - true or false, without reasons
name: same
owner_id: same
properties: same
remove_sequence: same(name)
remove_sequences: same(sequence_names)
remove_tag: same(tag)
rename_sequence: same(old_name, new_name)
sequences: same
set_primary: same
submit: same(callbacks, force, wait, timeout)
subscribe: same(callback, params)
subscribers: other Scenario.subscriptions - the functions, with what they are given first
tags: same
tasks: same
unsubscribe: same(callback, params)
update_sequence: same(name, tasks, properties) - likewise
version: same
""",
    "Sequence": """
data_nodes: same
data_nodes_being_edited: same
get_inputs: same
get_intermediate: same
get_label: same
get_outputs: same
get_parents: same
get_simple_label: same
id: same
is_ready_to_run: same - true or false, without reasons
name: same
owner_id: same
parent_ids: same - derived, when it is asked for
properties: same
submit: same(callbacks, force, wait, timeout)
subscribe: same(callback, params)
subscribers: other Sequence.subscriptions - as of a scenario
tasks: same
unsubscribe: same(callback, params)
version: same
""",
    "Task": """
config_id: same
data_nodes: same
function: same - it is the config's, and cannot be set
get_label: same
get_parents: same
get_simple_label: same
id: same
input: same
output: same
owner_id: same
parent_ids: same - derived, when it is asked for
properties: same - those of its config
scope: same
skippable: same - it is the config's, and cannot be set
submit: same(callbacks, force, wait, timeout)
version: same
""",
    "DataNode": """
append: same(data, job_id)
config_id: same
edit_in_progress: same
editor_expiration_date: same
editor_id: same
edits: same - `edit["timestamp"]`, `edit.at`, ...
expiration_date: same
filter: same(operators, join_operator)
get_last_edit: same
get_label: same
get_parents: same
get_simple_label: same
id: same
is_downloadable: same
is_generated: same
is_ready_for_reading: same - false also once its value has expired
is_up_to_date: same
is_uploadable: same
is_valid: same
job_ids: same
last_edit_date: same
lock_edit: same(editor_id)
name: same
owner_id: same
parent_ids: same - derived, when it is asked for
path: same
properties: same - those of its config
read: same
read_or_raise: same
read_with_kwargs: same - of CSV, Excel and Parquet; `read_options=` of the config is for all reads
scope: same - it is the config's, and cannot be set
storage_type: same - an attribute, not a method
track_edit: same - for places of yours; of values that asyncflow keeps, `write` makes the edits
unlock_edit: same(editor_id)
validity_period: same
version: same - that of an edit is the number of the value
write: same(data, job_id)
write_with_column_names: same(data, columns, job_id)
encoder: same
decoder: same
PickleDataNode: other DataNode - `node.storage_type` tells the kind
CSVDataNode: other DataNode
ExcelDataNode: other DataNode
JSONDataNode: other DataNode
ParquetDataNode: other DataNode
SQLTableDataNode: other DataNode
SQLDataNode: other DataNode
MongoCollectionDataNode: other DataNode
S3ObjectDataNode: other DataNode
GenericDataNode: other DataNode
InMemoryDataNode: other DataNode
Edit: same
MongoDefaultDocument: same - for `custom_document=`, without which documents are dicts
""",
    "Job": """
abandoned: otherwise - statuses are the engine's to set
blocked: otherwise - statuses are the engine's to set
blocked_duration: same
canceled: otherwise - `job.cancel()` asks for it
completed: otherwise - statuses are the engine's to set
creation_date: same
execution_duration: same
failed: otherwise - statuses are the engine's to set
finished_at: same
force: same
get_label: same
get_simple_label: same
id: same
is_abandoned: same
is_blocked: same
is_canceled: same
is_completed: same
is_deletable: same
is_failed: same
is_finished: same - an attribute that can be called
is_pending: same
is_running: same
is_skipped: same
is_submitted: same
owner_id: same
pending: otherwise - statuses are the engine's to set
pending_duration: same
run_at: same
running: otherwise - statuses are the engine's to set
skipped: otherwise - statuses are the engine's to set
stacktrace: same - one text, not a list
status: same
submit_entity: same
submit_entity_id: same
submit_id: same
submitted_at: same
task: same
version: same
""",
    "Submission": """
creation_date: same
entity_config_id: same
entity_id: same
entity_type: same
execution_duration: same
finished_at: same
get_label: same
get_simple_label: same
id: same
is_abandoned: same
is_canceled: same
is_completed: same
is_deletable: same
is_finished: same - an attribute that can be called
jobs: same
properties: same
run_at: same
submission_status: same
submitted_at: same
version: same
""",
    "Cycle": """
creation_date: same
end_date: same - the first instant after it
frequency: same - a text, equal to the `Frequency`
get_label: same
get_simple_label: same
id: same
name: same - as an ISO date: `2026-05`
properties: same - values of JSON
start_date: same
""",
    "Frequency": """
DAILY: same
MONTHLY: same
QUARTERLY: same - three months, from the first of January
WEEKLY: same
YEARLY: same
""",
    "Scope": """
CYCLE: same
GLOBAL: same
SCENARIO: same
""",
    "Operator": """
EQUAL: same
GREATER_OR_EQUAL: same
GREATER_THAN: same
LESS_OR_EQUAL: same
LESS_THAN: same
NOT_EQUAL: same
""",
    "JoinOperator": """
AND: same
OR: same
""",
    "Status": """
ABANDONED: same
BLOCKED: same
CANCELED: same
COMPLETED: same
FAILED: same
PENDING: same
RUNNING: same
SKIPPED: same
SUBMITTED: same
""",
    "SubmissionStatus": """
BLOCKED: same
CANCELED: same
COMPLETED: same
FAILED: same
PENDING: same
RUNNING: same
SUBMITTED: same
UNDEFINED: otherwise - a run that has ended has COMPLETED, FAILED or CANCELED
""",
    "Reasons": """
ReasonCollection: other Reasons
reasons: same
Reason: same
DataNodeEditInProgress: other reasons.IsBeingEdited
DataNodeIsNotWritten: other reasons.WasNeverWritten
EntityDoesNotExist: other reasons.IsUnknown
EntityIsNotAScenario: other reasons.IsUnknown - no scenario has its id
EntityIsNotSubmittableEntity: other reasons.CannotBeSubmitted
InvalidUploadFile: other DataNode.upload - it raises
JobIsNotFinished: other reasons.HasUnfinishedRun
NoFileToDownload: other reasons.WasNeverWritten
NotAFile: other reasons.HasNoFile
NotGlobalScope: other reasons.IsNotGlobal
ScenarioDoesNotBelongToACycle: other reasons.HasNoCycle
ScenarioIsThePrimaryScenario: other reasons.IsPrimaryWithSiblings
SubmissionIsNotFinished: other reasons.HasUnfinishedRun
SubmissionStatusIsUndefined: otherwise - there is no such status
UploadFileCanNotBeRead: other DataNode.upload - it raises
WrongConfigType: other reasons.CannotBeCreated
""",
    "notification": """
CoreEventConsumerBase: otherwise - Taipy has deprecated it: `orchestrator.events(...)`
Event: same - without a value for what other processes do
EventEntityType: same
EventOperation: same
EventProcessor: same
Notifier: same
broadcast_on_event: otherwise - it is of the GUI
on_datanode_created: other EventProcessor.on_datanode_created
on_datanode_deleted: other EventProcessor.on_datanode_deleted
on_datanode_written: other EventProcessor.on_datanode_written
on_event: other EventProcessor.on_event
on_scenario_created: other EventProcessor.on_scenario_created
on_scenario_deleted: other EventProcessor.on_scenario_deleted
on_submission_finished: other EventProcessor.on_submission_finished
register: other Notifier.register
start: other EventProcessor.start
stop: other EventProcessor.stop
unregister: other Notifier.unregister
""",
    "errors": """
AttributeKeyAlreadyExisted: same - never raised: `scenario["name"]` has it
ConfigCoreVersionMismatched: same - never raised: any file of Taipy's is read
ConfigurationUpdateBlocked: same - never raised: the configuration may change at any time
ConflictedConfigurationError: other ConfigError
CycleAlreadyExists: same - never raised: who creates at the same time shares it
DataNodeConfigIsNotGlobal: other UsageError
DataNodeIsBeingEdited: same
DataNodeWritingError: same
DeletingPrimaryScenario: same
DependencyNotInstalled: other PackageMissing
DifferentScenarioConfigs: other UsageError
DoesNotBelongToACycle: same
ExposedTypeLengthMismatch: other ConfigError
FileCannotBeRead: other DataNodeReadingError
FileEmpty: other DataNodeReadingError
InconsistentEnvVariableError: other ConfigError
InsufficientScenarioToCompare: other UsageError
InvalidConfigurationId: other ConfigError
InvalidCustomDocument: other ConfigError
InvalidDataNodeType: other ConfigError
InvalidEventAttributeName: other UsageError
InvalidEventOperation: other UsageError
InvalidExposedType: other ConfigError
InvalidScenario: other ConfigError
InvalidSequence: other ConfigError
InvalidSequenceId: other NotFound
InvalidSubscriber: same - never raised: any function can subscribe
JobNotDeletedException: other UsageError
LoadingError: other ConfigError
MissingAppendQueryBuilder: other UsageError
MissingEnvVariableError: other ConfigError
MissingReadFunction: other ConfigError
MissingRequiredProperty: other ConfigError
MissingWriteFunction: other ConfigError
ModeNotAvailable: other ConfigError
ModelNotFound: other NotFound
MultipleDataNodeFromSameConfigWithSameOwner: same - never raised: it cannot happen
MultipleScenarioFromSameConfigWithSameOwner: same - never raised: it cannot happen
MultipleTaskFromSameConfigWithSameOwner: same - never raised: it cannot happen
NoData: same
NonExistingComparator: other UsageError
NonExistingCycle: other NotFound
NonExistingDataNode: other NotFound
NonExistingDataNodeConfig: other ConfigError
NonExistingExcelSheet: other DataNodeReadingError
NonExistingJob: other NotFound
NonExistingScenario: other NotFound
NonExistingScenarioConfig: other ConfigError
NonExistingSequence: other NotFound
NonExistingSequenceConfig: other ConfigError
NonExistingTask: other NotFound
NonExistingTaskConfig: other ConfigError
NonExistingVersion: same - never raised: `clean_all_entities` tells whether there was one
OrchestratorNotBuilt: other NotOpen
OrchestratorServiceIsAlreadyRunning: other UsageError
SQLQueryCannotBeExecuted: other DataNodeReadingError
SequenceAlreadyExists: other UsageError
SequenceBelongsToNonExistingScenario: other NotFound
SequenceTaskConfigDoesNotExistInSameScenarioConfig: other ConfigError
SequenceTaskDoesNotExistInScenario: other UsageError
SheetNameLengthMismatch: other DataNodeWritingError
SubmissionNotDeletedException: other UsageError
UnauthorizedTagError: other UnauthorizedTag
UnknownCompressionAlgorithm: other ConfigError
UnknownDatabaseEngine: other ConfigError
UnknownParquetEngine: other ConfigError
VersionAlreadyExistsAsDevelopment: same - never raised: a version is a label
""",
}
"""By what they are of: the module ``tp``, a class, or a module."""

OWNERS: dict[str, Any] = {
    "tp": tp,
    "Config": Config,
    "DataNodeConfig": asyncflow.DataNodeConfig,
    "TaskConfig": asyncflow.TaskConfig,
    "ScenarioConfig": asyncflow.ScenarioConfig,
    "JobConfig": asyncflow.JobConfig,
    "CoreConfig": asyncflow.CoreConfig,
    "Problem": asyncflow.Problem,
    "ConfigError": asyncflow.ConfigError,
    "Orchestrator": tp.Orchestrator,
    "Scenario": tp.Scenario,
    "Sequence": tp.Sequence,
    "Task": tp.Task,
    "DataNode": tp.DataNode,
    "Job": tp.Job,
    "Submission": tp.Submission,
    "Cycle": tp.Cycle,
    "Frequency": tp.Frequency,
    "Scope": tp.Scope,
    "Operator": tp.Operator,
    "JoinOperator": tp.JoinOperator,
    "Status": tp.Status,
    "SubmissionStatus": tp.SubmissionStatus,
    "Reasons": asyncflow.Reasons,
    "notification": tp,
    "errors": exceptions,
}
"""What has the names of a group here."""

TITLES: dict[str, str] = {
    "tp": "Functions and classes: `tp.`",
    "Problem": "`Issue` (here: `Problem`)",
    "ConfigError": "`IssueCollector` (here: `ConfigError`)",
    "CoreConfig": "`CoreSection` (here: `CoreConfig`)",
    "DataNode": "`DataNode` and its kinds",
    "Reasons": "`taipy.core.reason`",
    "notification": "`taipy.core.notification`, `taipy.event`",
    "errors": "`taipy.core.exceptions` (here: `asyncflow.sync.exceptions`, other names of these)",
}

_LINE = re.compile(
    r"(?P<name>\w+): (?P<verdict>same|other|otherwise|missing)"
    r"(?:\((?P<parameters>[\w, ]+)\))?(?: (?P<place>[\w.]+))?(?: - (?P<note>.+))?"
)


@attrs.frozen(kw_only=True)
class Name:
    """A name of Taipy's."""

    group: str
    name: str
    verdict: str
    parameters: tuple[str, ...] = ()
    place: str = ""
    note: str = ""

    @property
    def row(self) -> str:
        """What the page says of it."""
        said = {
            "same": "same",
            "other": f"`{self.place}`",
            "otherwise": "decided otherwise",
            "missing": "not yet",
        }[self.verdict]
        note = f": {self.note}" if self.note else ""
        return f"| `{self.name}` | {said}{note} |"


def names() -> Iterator[Name]:
    """Give all of them."""
    for group, text in NAMES.items():
        for line in text.strip().splitlines():
            found = _LINE.fullmatch(line)
            assert found, line
            yield Name(
                group=group,
                name=found["name"],
                verdict=found["verdict"],
                parameters=tuple((found["parameters"] or "").split(", "))
                if found["parameters"]
                else (),
                place=found["place"] or "",
                note=found["note"] or "",
            )


def tables() -> str:
    """Return the tables of the page."""
    parts: list[str] = []

    for group in NAMES:
        rows = [name.row for name in names() if name.group == group]
        title = TITLES.get(group, f"`{group}`")
        parts.append(f"### {title}\n\n| Taipy | here |\n| --- | --- |\n")
        parts.append("\n".join(rows) + "\n\n")

    return "".join(parts).rstrip() + "\n"


BEGIN = "## Every name\n"


def fields_of(owner: Any) -> set[str]:
    """Return the fields of a class: those without a default are no attributes of it."""
    if isinstance(owner, type) and attrs.has(owner):
        return {field.name for field in attrs.fields(owner)}

    return set()


def is_here(name: Name) -> bool:
    """Tell whether a name is here."""
    owner = OWNERS[name.group]

    if isinstance(owner, ModuleType) and name.group not in ("tp", "errors"):
        return False  # its names are those of classes

    return name.name in fields_of(owner) or hasattr(owner, name.name)


def promote() -> None:
    """Mark what was missing, and is here by now, as the same."""
    source = Path(__file__)
    text = source.read_text(encoding="utf-8")

    for name in names():
        if name.verdict == "missing" and is_here(name):
            block = NAMES[name.group]
            line = rf"(?m)^{name.name}: missing"
            changed = re.sub(line, f"{name.name}: same", block)
            text = text.replace(block, changed)
            NAMES[name.group] = changed

    source.write_text(text, encoding="utf-8")


def main() -> None:
    """Bring the data and the tables of the page up to date."""
    promote()
    text = PAGE.read_text(encoding="utf-8")
    head, _, _ = text.partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{tables()}", encoding="utf-8")


if __name__ == "__main__":
    main()

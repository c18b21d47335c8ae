"""Taipy's names of errors, each for what is raised here instead.

::

    from asyncflow.sync.exceptions import NonExistingScenario  # it is `asyncflow.NotFound`
"""

from __future__ import annotations

from asyncflow.errors import AsyncflowError as AsyncflowError
from asyncflow.errors import ConfigError as ConfigError
from asyncflow.errors import DataNodeIsBeingEdited as DataNodeIsBeingEdited
from asyncflow.errors import DataNodeReadingError as DataNodeReadingError
from asyncflow.errors import DataNodeWritingError as DataNodeWritingError
from asyncflow.errors import DeletingPrimaryScenario as DeletingPrimaryScenario
from asyncflow.errors import DoesNotBelongToACycle as DoesNotBelongToACycle
from asyncflow.errors import NoData as NoData
from asyncflow.errors import NotFound as NotFound
from asyncflow.errors import NotOpen as NotOpen
from asyncflow.errors import PackageMissing as PackageMissing
from asyncflow.errors import UnauthorizedTag as UnauthorizedTag
from asyncflow.errors import UsageError as UsageError


class NeverRaised(AsyncflowError):
    """What there is nothing to raise for here, whatever Taipy raises it for."""


ConflictedConfigurationError = ConfigError
DataNodeConfigIsNotGlobal = UsageError
DependencyNotInstalled = PackageMissing
DifferentScenarioConfigs = UsageError
ExposedTypeLengthMismatch = ConfigError
FileCannotBeRead = DataNodeReadingError
FileEmpty = DataNodeReadingError
InconsistentEnvVariableError = ConfigError
InsufficientScenarioToCompare = UsageError
InvalidConfigurationId = ConfigError
InvalidCustomDocument = ConfigError
InvalidDataNodeType = ConfigError
InvalidEventAttributeName = UsageError
InvalidEventOperation = UsageError
InvalidExposedType = ConfigError
InvalidScenario = ConfigError
InvalidSequence = ConfigError
InvalidSequenceId = NotFound
JobNotDeletedException = UsageError
LoadingError = ConfigError
MissingAppendQueryBuilder = UsageError
MissingEnvVariableError = ConfigError
MissingReadFunction = ConfigError
MissingRequiredProperty = ConfigError
MissingWriteFunction = ConfigError
ModeNotAvailable = ConfigError
ModelNotFound = NotFound
NonExistingComparator = UsageError
NonExistingCycle = NotFound
NonExistingDataNode = NotFound
NonExistingDataNodeConfig = ConfigError
NonExistingExcelSheet = DataNodeReadingError
NonExistingJob = NotFound
NonExistingScenario = NotFound
NonExistingScenarioConfig = ConfigError
NonExistingSequence = NotFound
NonExistingSequenceConfig = ConfigError
NonExistingTask = NotFound
NonExistingTaskConfig = ConfigError
OrchestratorNotBuilt = NotOpen
OrchestratorServiceIsAlreadyRunning = UsageError
SQLQueryCannotBeExecuted = DataNodeReadingError
SequenceAlreadyExists = UsageError
SequenceBelongsToNonExistingScenario = NotFound
SequenceTaskConfigDoesNotExistInSameScenarioConfig = ConfigError
SequenceTaskDoesNotExistInScenario = UsageError
SheetNameLengthMismatch = DataNodeWritingError
SubmissionNotDeletedException = UsageError
UnauthorizedTagError = UnauthorizedTag
UnknownCompressionAlgorithm = ConfigError
UnknownDatabaseEngine = ConfigError
UnknownParquetEngine = ConfigError

AttributeKeyAlreadyExisted = NeverRaised
ConfigCoreVersionMismatched = NeverRaised
ConfigurationUpdateBlocked = NeverRaised
CycleAlreadyExists = NeverRaised
InvalidSubscriber = NeverRaised
MultipleDataNodeFromSameConfigWithSameOwner = NeverRaised
MultipleScenarioFromSameConfigWithSameOwner = NeverRaised
MultipleTaskFromSameConfigWithSameOwner = NeverRaised
NonExistingVersion = NeverRaised
VersionAlreadyExistsAsDevelopment = NeverRaised

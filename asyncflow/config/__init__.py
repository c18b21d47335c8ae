"""What is declared: sections, the configuration that holds them, its checks, TOML."""

from asyncflow.config.configuration import Config as Config
from asyncflow.config.configuration import Configuration as Configuration
from asyncflow.config.retry import Retry as Retry
from asyncflow.config.sections import CoreConfig as CoreConfig
from asyncflow.config.sections import DataNodeConfig as DataNodeConfig
from asyncflow.config.sections import JobConfig as JobConfig
from asyncflow.config.sections import ScenarioConfig as ScenarioConfig
from asyncflow.config.sections import Scope as Scope
from asyncflow.config.sections import TaskConfig as TaskConfig

"""All callbacks under one name: the base, the loggers, and those that steer the training."""

from ..utils.progbar import Progbar
from .backup import BackupAndRestore
from .base import Callback, CallbackList, LambdaCallback
from .loggers import BaseLogger, CSVLogger, History, ProgbarLogger, RemoteMonitor
from .steering import (
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
    TerminateOnNaN,
)

__all__ = ["BackupAndRestore", "BaseLogger", "CSVLogger", "Callback", "CallbackList", "EarlyStopping",
           "History", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "Progbar",
           "ProgbarLogger", "ReduceLROnPlateau", "RemoteMonitor", "SwapEMAWeights", "TerminateOnNaN"]

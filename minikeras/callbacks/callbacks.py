"""All callbacks under one name: the base, the loggers, and those that steer the training."""
from ..utils.progbar import Progbar
from .base import Callback, CallbackList, LambdaCallback
from .loggers import BaseLogger, CSVLogger, History, ProgbarLogger, RemoteMonitor
from .steering import EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau, TerminateOnNaN

__all__ = ["BaseLogger", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
           "LearningRateScheduler", "ModelCheckpoint", "Progbar", "ProgbarLogger", "ReduceLROnPlateau",
           "RemoteMonitor", "TerminateOnNaN"]

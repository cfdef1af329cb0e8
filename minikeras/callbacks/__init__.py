"""What happens at the events of training: logging, checkpoints, early stopping, schedules."""
from .callbacks import (
                        BackupAndRestore,
                        BaseLogger,
                        Callback,
                        CallbackList,
                        CSVLogger,
                        EarlyStopping,
                        History,
                        LambdaCallback,
                        LearningRateScheduler,
                        ModelCheckpoint,
                        ProgbarLogger,
                        ReduceLROnPlateau,
                        RemoteMonitor,
                        TerminateOnNaN,
)
from .tensorboard_v1 import TensorBoard

__all__ = ["BackupAndRestore", "BaseLogger", "CSVLogger", "Callback", "CallbackList", "EarlyStopping",
           "History", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "ProgbarLogger",
           "ReduceLROnPlateau", "RemoteMonitor", "TensorBoard", "TerminateOnNaN"]

"""Trains EvalPlanner's judges with TRL: rows that are tokenised already, checkpoints that are whole or not there."""

import os

# Before the libraries are imported: nothing of a training is asked of, or told to, anybody.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_DATASETS_OFFLINE="1",
    DO_NOT_TRACK="1",
    TQDM_DISABLE="1",
    # Threads that wait leave the processor to others.
    OMP_WAIT_POLICY="PASSIVE",
    TOKENIZERS_PARALLELISM="false",
    TRL_EXPERIMENTAL_SILENCE="1",
)

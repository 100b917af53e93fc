"""The presets, as accelerate's own loader reads them. None was tried on GPUs."""

from pathlib import Path

import pytest
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
from accelerate.utils import DistributedType

import evalplanner_trainer

PRESETS = Path(evalplanner_trainer.__file__).parent / "accelerate"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("fsdp", DistributedType.FSDP), ("zero2", DistributedType.DEEPSPEED), ("zero3", DistributedType.DEEPSPEED)],
)
def test_accelerate_loads_it(name, kind):
    config = load_config_from_file(str(PRESETS / f"{name}.yaml"))
    assert isinstance(config, ClusterConfig)
    assert config.distributed_type == kind
    assert config.num_processes == 8


def test_checkpoints_are_whole_models():
    assert load_config_from_file(str(PRESETS / "fsdp.yaml")).fsdp_config["fsdp_state_dict_type"] == "FULL_STATE_DICT"
    assert load_config_from_file(str(PRESETS / "zero3.yaml")).deepspeed_config["zero3_save_16bit_model"] is True

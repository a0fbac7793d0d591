from __future__ import annotations

from dataclasses import asdict

from gateway.settings import TrainerSettings
from trainer.settings import TrainingSettings


def test_the_settings_file_and_the_trainer_have_the_same_settings_and_defaults() -> None:
    assert TrainerSettings().model_dump(exclude={"base"}) == asdict(TrainingSettings())

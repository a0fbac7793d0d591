from __future__ import annotations

from dataclasses import asdict

from gateway.settings import JudgesSettings, TrainerSettings
from trainer.judges.settings import JudgeSettings
from trainer.settings import TrainingSettings


def test_the_settings_file_and_the_trainer_have_the_same_settings_and_defaults() -> None:
    ours = TrainerSettings().model_dump(exclude={"base", "judges"})
    assert ours == asdict(TrainingSettings())


def test_the_settings_file_and_the_judges_have_the_same_settings_and_defaults() -> None:
    assert JudgesSettings().model_dump(exclude={"hired", "local"}) == asdict(JudgeSettings())

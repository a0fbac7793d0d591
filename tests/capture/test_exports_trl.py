"""TRL itself reads the preference rows back, in an environment of its own.

MAJORDOMO_TRL_VENV names one: `python3 -m venv DIR && DIR/bin/pip install trl`. Its trainer reads
the rows and tokenizes them with the house model's template; nothing is trained.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from capture.exports import Format, Source, write_export
from capture.store import Wanted
from tests.support.journals import capturing
from tests.support.kitchen import answer, exchange, quarrel, user
from tests.support.turns import REDACTOR

VENV = os.environ.get("MAJORDOMO_TRL_VENV")
READ = """
import json, sys
from datasets import load_dataset
from trl import DPOConfig, DPOTrainer

rows, model, out = sys.argv[1:]
rows = load_dataset("json", data_files=rows, split="train", cache_dir=out)
config = DPOConfig(out, use_cpu=True, bf16=False, report_to=[], max_length=None)
trainer = DPOTrainer(model, args=config, train_dataset=rows)
names = ("prompt_ids", "chosen_ids", "rejected_ids")
said = [[trainer.processing_class.decode(row[name]) for name in names]
        for row in trainer.train_dataset]
print(json.dumps(said))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not VENV, reason="MAJORDOMO_TRL_VENV names no environment with TRL"),
]


def read(rows: Path, out: Path) -> list[list[str]]:
    """Prompt, chosen and rejected of each row as TRL would train on them."""
    model = Path("gateway/house_model").resolve()
    ran = subprocess.run(
        [f"{VENV}/bin/python", "-c", READ, str(rows), str(model), str(out)],
        env={"PATH": os.environ["PATH"], "HOME": str(out), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


async def test_trl_s_dpo_trainer_reads_prompt_chosen_and_rejected(tmp_path: Path) -> None:
    with capturing(tmp_path / "home") as (journal, ingester, store):
        quarrel(journal)
        exchange(journal, [user("Say hello.")], answer("Hello."), unfit=answer(""))
        assert await ingester.catch_up(30)
        written = write_export(
            Source((), REDACTOR, pairs=store.pairs(REDACTOR, Wanted())),
            Format.PREFERENCE,
            tmp_path,
            "0.1.0",
        )
    rows = read(tmp_path / written.file, tmp_path / "out")
    assert len(rows) == written.rows == 3
    prompt, chosen, rejected = next(row for row in rows if "Look at notes.txt." in row[0])
    assert prompt.endswith("<|im_start|>assistant\n")
    assert "terminal(command, background?)" in prompt
    assert '"arguments": {"command": "wc -c notes.txt"}' in chosen
    assert '"arguments": {"path": "notes.txt"}' in rejected

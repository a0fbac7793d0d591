"""Hermes Agent's own trajectory compressor reads what we compressed, in an environment of its own.

MAJORDOMO_HERMES_VENV names one (CONTRIBUTING.md). Tokens are counted as it does without a
tokenizer; nothing is asked of a model.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from capture.compression import Limits
from capture.exports import Format, Source, write_export
from capture.exports.compressing import Compressor
from tests.support.kitchen import answer, call, result, user
from tests.support.turns import REDACTOR, turn

VENV = os.environ.get("MAJORDOMO_HERMES_VENV")
BUDGET = 1500
READ = """
import json, sys
from trajectory_compressor import CompressionConfig, TrajectoryCompressor

class Offline(TrajectoryCompressor):
    def _init_tokenizer(self): self.tokenizer = None
    def _init_summarizer(self): pass
    def _generate_summary(self, content, metrics): return "[CONTEXT SUMMARY]: once more"

entry = json.loads(open(sys.argv[1]).readline())
for target in map(int, sys.argv[2:]):
    config = CompressionConfig(target_max_tokens=target, summary_target_tokens=50)
    made, metrics = Offline(config).process_entry(entry)
    print(json.dumps([made["conversations"] == entry["conversations"], metrics.to_dict()]))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not VENV, reason="MAJORDOMO_HERMES_VENV names no Hermes Agent"),
]


def test_what_is_compressed_needs_no_more_of_it_there_and_can_be_compressed_further(
    tmp_path: Path,
) -> None:
    said = [user("Hello"), answer("Hello.")]
    for number in range(6):
        said += [user(f"Errand {number}"), call(f"c{number}", '{"command": "ls"}')]
        said += [result(f"c{number}", "file " * 200), answer(f"Done {number}.")]
    asked = turn("1", request={"messages": [*said, user("Now?")]}, reply=answer("Nothing more."))
    source = Source([asked], REDACTOR, compressor=Compressor(Limits(BUDGET, 100)))
    written = write_export(source, Format.SHAREGPT, tmp_path, "0")
    assert (written.compression or {})["compressed"] == 1
    ran = subprocess.run(
        [f"{VENV}/bin/python", "-c", READ, str(tmp_path / written.file), str(BUDGET), "900"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    (same, first), (_, further) = map(json.loads, ran.stdout.splitlines()[-2:])
    assert (same, first["skipped_under_target"]) == (True, True)
    assert further["was_compressed"]
    assert further["compressed_tokens"] < first["original_tokens"]

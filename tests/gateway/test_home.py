from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.home import Home, replace_private, write_new_private


@pytest.fixture(autouse=True)
def permissive_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_home_is_what_the_environment_names_or_a_dot_directory() -> None:
    assert Home.locate({"MAJORDOMO_HOME": "/srv/house"}).root == Path("/srv/house")
    assert Home.locate({"MAJORDOMO_HOME": "  "}).root == Path.home() / ".majordomo"
    assert Home.locate({"MAJORDOMO_HOME": "~/house"}).root == Path.home() / "house"
    assert Home.locate({"MAJORDOMO_HOME": "house"}).root.is_absolute()


def test_a_new_home_is_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    home.create()
    assert {mode(path) for path in home.directories} == {0o700}
    home.create()
    assert home.mode_problems() == ()


def test_what_others_can_read_is_found_and_mended(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    home.root.chmod(0o755)
    home.settings.write_text("version: 1\n")
    home.logs.rmdir()
    found = {problem.path: (problem.found, problem.wanted) for problem in home.mode_problems()}
    assert found == {
        home.root: (0o755, 0o700),
        home.settings: (0o666, 0o600),
        home.logs: (None, 0o700),
    }
    assert len(home.mend()) == 3
    assert home.mode_problems() == ()


def test_what_a_link_points_to_is_left_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (home.root / "link").symlink_to(elsewhere)
    assert home.mode_problems() == ()


def test_a_missing_home_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert {problem.path for problem in home.mode_problems()} == set(home.directories)


def test_a_new_file_is_written_once_and_never_over_another(tmp_path: Path) -> None:
    path = tmp_path / "majordomo.yaml"
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(write_new_private, path, b"%d" % n) for n in range(32)]
    wrote = [future.result() for future in written]
    assert wrote.count(True) == 1
    assert path.read_bytes() == b"%d" % wrote.index(True)
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_is_private_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("old")
    replace_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_replacement_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "keys.json"
    target.mkdir()
    with pytest.raises(OSError, match=r"keys\.json"):
        replace_private(target, b"new")
    assert list(tmp_path.iterdir()) == [target]

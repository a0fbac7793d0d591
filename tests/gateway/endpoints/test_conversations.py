"""Forgetting over HTTP: whole conversations, only whole ones, only those that are over."""

import fcntl
from pathlib import Path

import httpx2
import orjson

from capture.ids import new_id
from gateway.flight import InFlight
from tests.support.standing import REPLY, Standing, ask


async def test_forgetting_one_exchange_forgets_its_whole_conversation_and_no_other(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    first = runtime.exchange(ask("Good evening?"))
    said = orjson.loads(REPLY)["choices"][0]["message"]
    talk = [*orjson.loads(ask("Good evening?"))["messages"], said]
    body = {"model": "auto", "messages": [*talk, {"role": "user", "content": "And now?"}]}
    second = runtime.exchange(orjson.dumps(body))
    other = runtime.exchange(ask("Quite another thing"))
    gone = await client.delete(f"/v1/conversations/{second}")
    assert gone.status_code == 200
    told = gone.json()
    assert told["object"] == "conversation.forgotten"
    assert told["conversation"] == first
    assert told["exchanges"] == [first, second]
    assert told["records"] == 4
    assert told["messages"] == 2, "the answer is said by the other one, too"
    for id_, status in ((first, 404), (second, 404), (other, 200)):
        assert (await client.get(f"/v1/exchanges/{id_}")).status_code == status
    counted = runtime.store.counts()
    assert counted["total"] == 1
    assert counted["by_status"] == {"ok": 1}


async def test_what_nobody_knows_is_not_found(client: httpx2.AsyncClient) -> None:
    for id_ in (new_id(), "nonsense", "..%2f..%2fetc"):
        gone = await client.delete(f"/v1/conversations/{id_}")
        assert gone.status_code == 404
    assert (await client.get(f"/v1/conversations/{new_id()}")).status_code == 405


async def test_what_is_in_flight_or_being_trained_on_is_not_forgotten_now(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    open_ = runtime.begin()
    runtime.flights = [InFlight(open_, 0.0, "auto", None, None, None, stream=False, bytes_out=0)]
    gone = await client.delete(f"/v1/conversations/{open_}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (409, "in_flight")
    runtime.flights = []
    gone = await client.delete(f"/v1/conversations/{open_}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (409, "in_flight")

    over = runtime.exchange(ask("Something else"))
    runtime.home.training.mkdir()
    with (runtime.home.training / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        gone = await client.delete(f"/v1/conversations/{over}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (409, "cycle_running")
    assert (await client.get(f"/v1/exchanges/{over}")).status_code == 200
    assert (await client.delete(f"/v1/conversations/{over}")).status_code == 200


async def test_what_fails_half_way_is_said_and_finished_by_asking_again(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    """It fails with the journal blanked and the store still to come."""
    id_ = runtime.exchange(ask("my marker"))
    in_the_way = runtime.home.root / "majordomo.db.before-0001"
    in_the_way.mkdir()
    gone = await client.delete(f"/v1/conversations/{id_}")
    assert gone.status_code == 503
    assert "forgotten now" in gone.json()["error"]["message"]
    assert (await client.get(f"/v1/exchanges/{id_}")).json()["asked"] == "my marker"
    assert not [p for p in _files(runtime) if p.suffix == ".seg" and b"my marker" in p.read_bytes()]
    in_the_way.rmdir()
    told = (await client.delete(f"/v1/conversations/{id_}")).json()
    assert (told["records"], told["exchanges"], told["erased"]) == (0, [id_], True)
    assert not [path for path in _files(runtime) if b"my marker" in path.read_bytes()]
    after = runtime.exchange(ask("my marker"))
    assert (await client.get(f"/v1/exchanges/{after}")).json()["asked"] == "my marker"


def _files(runtime: Standing) -> list[Path]:
    return [path for path in runtime.home.root.rglob("*") if path.is_file()]

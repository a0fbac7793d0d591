"""An upstream that keeps failing rests, and one request finds out whether it is back."""

from __future__ import annotations

from gateway.circuit import Circuit
from gateway.settings import Circuit as Settings


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(failures: int = 3, rest: float = 10.0) -> tuple[Circuit, Clock]:
    clock = Clock()
    circuit = Circuit(Settings(failures=failures, rest_seconds=rest), clock)
    for _ in range(failures):
        circuit.enter()
        circuit.failed()
    return circuit, clock


def test_failures_in_a_row_open_it() -> None:
    circuit, clock = opened()
    assert (circuit.ready, circuit.state) == (False, "open")
    clock.now += 10
    assert circuit.ready


def test_a_success_between_failures_starts_the_count_again() -> None:
    circuit = Circuit(Settings(failures=2), Clock())
    circuit.failed()
    circuit.succeeded()
    circuit.failed()
    assert circuit.ready


def test_after_its_rest_one_request_probes() -> None:
    circuit, clock = opened()
    clock.now += 10
    circuit.enter()
    assert (circuit.ready, circuit.state) == (False, "probing")
    circuit.succeeded()
    assert (circuit.ready, circuit.state) == (True, "closed")


def test_a_failed_probe_rests_it_twice_as_long() -> None:
    circuit, clock = opened()
    clock.now += 10
    circuit.enter()
    circuit.failed()
    clock.now += 19
    assert not circuit.ready
    clock.now += 1
    assert circuit.ready


def test_a_probe_whose_client_left_frees_the_place() -> None:
    circuit, clock = opened()
    clock.now += 10
    circuit.enter()
    circuit.left()
    assert circuit.ready


def test_an_upstream_cannot_ask_to_be_left_alone_for_years() -> None:
    clock = Clock()
    circuit = Circuit(Settings(), clock)
    circuit.failed(retry_after=1e9)
    clock.now += 3600
    assert circuit.ready


def test_the_upstreams_own_wait_is_kept() -> None:
    clock = Clock()
    circuit = Circuit(Settings(), clock)
    circuit.failed(retry_after=30)
    clock.now += 29
    assert not circuit.ready
    clock.now += 1
    assert circuit.ready

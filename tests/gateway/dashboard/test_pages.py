"""The pages: true, escaped, guarded, useful without scripts, and quiet when nothing changed."""

import hashlib
import re
from html.parser import HTMLParser
from importlib.resources import files

import httpx2
import orjson
import pytest

from capture.ids import new_id
from capture.indexing import take_in
from gateway.dashboard.rendering import ASSETS
from gateway.flight import InFlight
from tests.support.sample_exchanges import HOSTILE, fill
from tests.support.standing import CLOUD, REPLY, Failing, Standing, ask, attempt

VOID = {"meta", "link", "img", "br", "input"}
RUNS_CODE = re.compile(r"on[a-z]+|style|srcdoc|formaction|hx-on.*")


class Reader(HTMLParser):
    """Reads a page as a browser would: its tags, their nesting, its words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


async def read(client: httpx2.AsyncClient, path: str) -> Reader:
    response = await client.get(path)
    assert response.status_code == 200
    return Reader(response.text)


async def test_the_list_tells_each_exchange_s_mode_model_question_status_and_figures(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    fill(runtime)
    await runtime.ingester.catch_up(30)
    text = (await read(client, "/")).text
    assert "BURST claude-opus-4-5 auto at claude Compare these two contracts" in text
    assert "61,240 / 1,904 $0.0931" in text
    assert "Translate this letter into French. ok unknown unknown" in text
    assert "Diagnose this rash. refused none" in text
    assert "List my notes and open the newest. read_file ok" in text


async def test_an_exchange_in_flight_is_listed_from_memory(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = new_id()
    runtime.flights = [InFlight(id_, 0.0, "auto", CLOUD.mode, "claude", CLOUD.model, True, 0)]
    page = await read(client, "/")
    assert "answering" in page.text
    assert ("a", f"/exchanges/{id_}") in [(tag, of.get("href")) for tag, of in page.tags]
    assert "Being written now" in (await read(client, f"/exchanges/{id_}")).text


async def test_one_exchange_shows_calls_beside_results_and_why(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    ids = fill(runtime)
    text = (await read(client, f"/exchanges/{ids['tools']}")).text
    assert "Answered at home by hermes-4-14b (ACTIVE)" in text
    assert re.search(r"calls terminal call_21 .*ls -la ~/notes.* result .*boiler\.md", text)
    assert "calls notes call_22 {bad no result yet" in text
    assert "tool, a result of no call in this request a result nobody asked for" in text
    assert "Thinking, 204 characters" in text
    assert "PRIVATE" in text
    assert "tools wanted terminal or notes , found terminal, read_file" in text


async def test_a_failure_shows_every_attempt_and_what_the_client_was_told(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    ids = fill(runtime)
    text = (await read(client, f"/exchanges/{ids['failed']}")).text
    assert "no upstream could answer: ollama, lmstudio (upstream_failed)" in text
    assert "could not be reached: [Errno 111] Connection refused" in text
    assert "HTTP 500: CUDA out of memory" in text


async def test_what_came_of_an_answer_stands_on_its_page_and_in_its_json(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    asked = {"role": "user", "content": "Good evening?"}
    first = runtime.exchange(ask("Good evening?"))
    answered = {"role": "assistant", "content": "Good evening."}
    words = {"role": "user", "content": "No, that is wrong. Say good morning."}
    again = orjson.dumps({"model": "auto", "messages": [asked, answered, words]})
    second = runtime.exchange(again)
    await runtime.ingester.catch_up(30)
    page = await read(client, f"/exchanges/{first}")
    assert re.search(r"What came of it Failure, \d+% sure; the user corrected it\.", page.text)
    assert "correction" in page.text
    told = (await client.get(f"/v1/exchanges/{first}")).json()["what_came_of_it"]
    assert (told["outcome"], told["corrected"]) == ("failure", True)
    later = await read(client, f"/exchanges/{second}")
    assert ("a", f"/exchanges/{first}") in [(tag, of.get("href")) for tag, of in later.tags]
    assert (await client.get(f"/v1/exchanges/{second}")).json()["continues"] == first


@pytest.mark.parametrize("path", ["/", "/exchanges/{hostile}", "/exchanges/{long}"])
async def test_nothing_of_others_becomes_markup_and_nothing_else_loads(
    runtime: Standing, client: httpx2.AsyncClient, path: str
) -> None:
    ids = fill(runtime)
    await runtime.ingester.catch_up(30)
    page = await read(client, path.format(**ids))
    for tag, of in page.tags:
        assert tag not in {"svg", "iframe", "object", "embed", "base"}
        assert tag != "textarea" or of["name"] in {"comment", "demonstration"}, "our form's own"
        assert not any(RUNS_CODE.fullmatch(name) for name in of), (tag, of)
        if tag == "script":
            assert of["src"].startswith("/static/")
        for name in ("href", "src", "action", "hx-get"):
            address = of.get(name, "/")
            assert address.startswith(("/", "data:image/png;base64,")), address
            assert not address.startswith("//")
    if "hostile" in path:
        assert page.text.count(HOSTILE.split(">", maxsplit=1)[0]) > 10, "it is shown, as text"
        assert "\u202e" not in page.text
        assert "\x1b" not in page.text


async def test_a_megabyte_is_cut_and_said_to_be_cut(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    ids = fill(runtime)
    response = await client.get(f"/exchanges/{ids['long']}")
    assert len(response.content) < 400_000
    assert "980,000 of 1,000,000 characters are not shown here" in response.text


@pytest.mark.parametrize("path", ["/", "/live", "/exchanges/x", "/static/style.css"])
async def test_every_page_carries_its_guards(client: httpx2.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_an_unchanged_list_answers_with_nothing(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    runtime.exchange()
    await runtime.ingester.catch_up(30)
    page = await read(client, "/")
    (poll,) = [of["hx-get"] for _, of in page.tags if "hx-get" in of]
    assert (await client.get(poll)).status_code == 204
    runtime.exchange(ask("Something new?"))
    await runtime.ingester.catch_up(30)
    changed = await client.get(poll)
    assert changed.status_code == 200
    assert "Something new?" in changed.text


async def test_an_open_exchange_s_page_asks_again_only_while_it_is_open(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = runtime.begin()
    page = await read(client, f"/exchanges/{id_}")
    (poll,) = [of["hx-get"] for _, of in page.tags if "hx-get" in of]
    assert (await client.get(poll)).status_code == 204
    runtime.end(id_, attempt(), raw=[REPLY])
    over = await client.get(poll)
    assert "Good evening." in over.text
    assert "hx-get" not in over.text


async def test_filters_and_stretches_live_in_the_address(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    first = runtime.begin(ask("Only this one?"))
    runtime.end(first, attempt(CLOUD), raw=[REPLY])
    for number in range(55):
        runtime.exchange(ask(f"number {number}"))
    await runtime.ingester.catch_up(30)
    page = await read(client, "/?mode=burst&status=ok")
    assert "Only this one?" in page.text
    assert "number" not in page.text
    chosen = [of["value"] for tag, of in page.tags if tag == "option" and "selected" in of]
    assert chosen == ["burst", "ok"]
    page = await read(client, "/")
    (older,) = [of["href"] for _, of in page.tags if of.get("href", "").startswith("/?before")]
    assert "Only this one?" in (await read(client, older)).text
    assert "None of this kind" in (await read(client, "/?mode=active")).text
    assert "number 54" in (await read(client, "/?mode=warp&status=fine")).text


async def test_an_empty_house_tells_how_to_point_a_client_at_it(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    page = await read(client, "/")
    assert "http://127.0.0.1:8300/v1" in page.text
    assert "Hermes Agent" in page.text
    assert "YOUR-MAJORDOMO-KEY" not in page.text
    runtime.keyring = ("some key",)
    assert "YOUR-MAJORDOMO-KEY" in (await read(client, "/")).text


async def test_what_is_wrong_stands_on_every_page_escaped(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = runtime.exchange()
    await runtime.ingester.catch_up(30)
    runtime.journal = Failing(f"No space left on device {HOSTILE}")
    runtime.config.error = ValueError("majordomo.yaml:3:1: unknown field `uptsreams`")
    for path in ("/", f"/exchanges/{id_}"):
        page = await read(client, path)
        assert "new requests are refused: No space left on device <script>" in page.text
        assert "majordomo.yaml:3:1: unknown field uptsreams" in page.text
        classes = [of.get("class") for tag, of in page.tags if tag == "li"]
        assert classes[:2] == ["stops", "warns"]


@pytest.mark.parametrize("id_", ["nonsense", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "%3Cscript%3E"])
async def test_an_unknown_exchange_is_a_page_that_says_so(
    client: httpx2.AsyncClient, id_: str
) -> None:
    response = await client.get(f"/exchanges/{id_}")
    assert response.status_code == 404
    assert "There is no such exchange" in Reader(response.text).text


async def test_static_files_are_a_fixed_set(client: httpx2.AsyncClient) -> None:
    for name, known in ASSETS.items():
        response = await client.get(known.url)
        assert response.content == known.body
        assert response.headers["content-type"] == known.type
        assert "immutable" in response.headers["cache-control"]
        assert name in known.url
    for name in ("VENDORED.md", "..%2froutes.py", "nothing.js", "%2e%2e%2f%2e%2e%2fapp.py"):
        response = await client.get(f"/static/{name}")
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"


def test_vendored_files_are_what_their_list_says() -> None:
    static = files("gateway.dashboard").joinpath("static")
    listed = static.joinpath("VENDORED.md").read_text()
    rows = re.findall(r"^\| (\S+) \| .* \| ([0-9a-f]{64}) \|$", listed, re.MULTILINE)
    assert [name for name, _ in rows] == ["htmx.min.js"]
    for name, expected in rows:
        assert hashlib.sha256(static.joinpath(name).read_bytes()).hexdigest() == expected


def test_our_own_files_load_nothing_from_elsewhere() -> None:
    for name in ("style.css", "page.js"):
        text = ASSETS[name].body.decode()
        assert "http" not in text
        assert "@import" not in text
        assert "url(" not in text


async def test_the_search_page_marks_what_it_found_and_says_when_it_found_nothing(
    runtime: Standing, client: httpx2.AsyncClient
) -> None:
    id_ = runtime.exchange(ask("Where is the <b>key</b> to the attic?"))
    assert await runtime.ingester.catch_up(30)
    assert runtime.recall is not None
    take_in(runtime.store, runtime.recall, runtime.redactor)
    found = (await client.get("/search", params={"q": "attic <b>"})).text
    assert f'href="/exchanges/{id_}"' in found
    assert "<mark>attic</mark>" in found
    assert "<b>key" not in found
    assert "Nothing was found" in (await client.get("/search", params={"q": "cellar"})).text
    assert "at least one word" in (await client.get("/search", params={"q": "-attic"})).text
    assert "Find an exchange again" in (await client.get("/search")).text
    alike = (await client.get("/search", params={"q": "keys of attics", "by": "meaning"})).text
    assert f'href="/exchanges/{id_}"' in alike
    assert "alike 0." in alike
    by_words = {"q": "keys of attics", "by": "words", "tag": '"><b>'}
    nothing = (await client.get("/search", params=by_words)).text
    assert "Nothing was found" in nothing
    assert '"><b>' not in nothing

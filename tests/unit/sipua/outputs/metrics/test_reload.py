"""A reloaded configuration: its names and its hash."""

from sipua.config import Config
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.exposition import PLAIN, render
from sipua.outputs.metrics.names import names
from sipua.outputs.metrics.series import Series


def test_new_names_are_known_and_old_ones_stay() -> None:
    series = Series(names(Config()))
    events = EventStream("n")
    events.subscribe(Counting(series, names(Config())).read)
    begun = b'{"origin":"new","route":"sales"}'
    events.put(Told("call.incoming", 1.0, "c-1", begun))
    trunk = {"name": "new", "hosts": ("192.0.2.1",)}
    series.learn(names(Config.model_validate({"trunks": (trunk,), "routes": ({"name": "sales"},)})))
    events.put(Told("call.incoming", 1.0, "c-2", begun))
    events.put(Told("call.ended", 2.0, "c-1", b"{}"))
    text = render(series.families(), PLAIN).decode()
    assert 'sipua_calls_active{direction="incoming",origin="new",route="sales"} 1.0' in text


def test_the_hash_is_that_in_force_and_no_other() -> None:
    series = Series(names(Config()))
    events = EventStream("n")
    events.subscribe(Counting(series, names(Config())).read)
    events.put(Told("edge.listening", 1.0, "", b'{"max_calls":3,"config":"aaaa1111"}'))
    events.put(Told("config.reloaded", 1.0, "", b'{"hash":"bbbb2222"}'))
    events.put(Told("config.refused", 1.0, "", b"{}"))
    text = render(series.families(), PLAIN).decode()
    assert [line for line in text.splitlines() if line.startswith("sipua_config")] == [
        'sipua_config_info{hash="bbbb2222"} 1.0',
        'sipua_config_reloads_total{result="ok"} 1.0',
        'sipua_config_reloads_total{result="refused"} 1.0',
    ]

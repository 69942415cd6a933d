from support.peers.peer_versions import comparison

PROVED = {"asterisk": "1:22.10", "kamailio": "5.6.3-2"}


def test_the_same_versions() -> None:
    assert comparison(PROVED, PROVED).splitlines() == [
        "asterisk 1:22.10",
        "kamailio 5.6.3-2",
        "These are the versions that the suite was proved with.",
    ]


def test_what_differs_is_marked() -> None:
    one, other, end = comparison({"asterisk": "1:22.11"}, PROVED).splitlines()
    assert one == "asterisk 1:22.11  <-- proved with 1:22.10"
    assert other == "kamailio not there: run make peers  <-- proved with 5.6.3-2"
    assert "differ" in end

from sipua.sip.addresses import ANY_ADDRESS, address, host_of, seen_by


def test_a_peer_sees_the_address_that_we_are_bound_to_or_the_one_that_faces_it() -> None:
    assert seen_by("127.0.0.1", "192.0.2.7") == "192.0.2.7"
    assert seen_by("127.0.0.1", ANY_ADDRESS) == "127.0.0.1"


def test_addresses_as_pjsip_writes_them() -> None:
    assert address("192.0.2.1:5060") == ("192.0.2.1", 5060)
    assert address("[2001:db8::1]:5060") == ("2001:db8::1", 5060)
    assert address("") == ("", 0)


def test_the_host_of_whom_we_call() -> None:
    for uri in (
        "sip:600@pbx.example",
        "sip:600@pbx.example:5070;transport=tcp",
        "sip:pbx.example?Subject=x",
        '"The PBX" <sip:600@pbx.example:5070>;tag=1',
    ):
        assert host_of(uri) == "pbx.example"


def test_S21_the_host_of_any_text_is_a_host_or_nothing() -> None:
    assert host_of("<sip:600@[2001:db8::1]:5070;transport=tcp>;tag=1") == "2001:db8::1"
    assert host_of("sip:[2001:db8::1]?Subject=x") == "2001:db8::1"
    for text in ("", "sip:", "sip:600@", "600", "<>", "sip:x@[::1", "sip:x@host:port"):
        assert host_of(text) == ""

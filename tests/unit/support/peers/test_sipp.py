import xml.etree.ElementTree as ET

import pytest

from support.peers.sipp import SCENARIOS, render

# What has no default must be given; the values here are only for the syntax.
VALUES = {
    "uac_digest": ["PASSWORD", "STATUS", "USER"],
    "uac_does_not_transfer": ["ANSWER"],
    "uac_early_refused": ["STATUS"],
    "uac_hold": ["HOLD", "ANSWER"],
    "uac_hold_by_update": ["HOLD", "ANSWER"],
    "uac_hold_silently": ["HOLD"],
    "uac_is_held": ["HELD"],
    "uac_is_held_after_glare": ["HELD"],
    "uac_is_transferred_in_vain": ["OUTCOME"],
    "uac_key": ["BODY"],
    "uac_key_and_bye": ["BODY"],
    "uac_key_is_transferred": ["BODY"],
    "uac_key_three_times": ["BODY"],
    "uac_refer": ["STATUS", "TARGET"],
    "uac_refer_followed": ["TARGET"],
    "uac_refer_out_of_dialog": ["STATUS", "TARGET"],
    "uac_register": ["AOR", "PASSWORD", "CONTACT_URI"],
    "uac_refuses_hold": ["STATUS"],
    "uac_rejected": ["STATUS"],
    "uas_early_forked": ["FIRST", "SECOND"],
    "uas_early_refuses": ["STATUS"],
    "uas_is_held": ["HELD"],
    "uas_key": ["AFTER", "KEY"],
    "uas_people": ["MACHINE"],
    "uas_registrar": ["USERNAME", "PASSWORD", "EXPIRES"],
    "uas_registrar_refuses": ["STATUS"],
    "uas_registrar_too_brief": ["MIN_EXPIRES"],
    "uas_reject": ["STATUS"],
}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_every_scenario_is_filled_and_well_formed(name: str) -> None:
    text = render(name, dict.fromkeys(VALUES.get(name, []), "1"))
    assert "@CONTACT" not in text
    root = ET.fromstring(text)
    assert root.get("name") == name


def test_a_missing_value_is_named() -> None:
    with pytest.raises(KeyError, match="uac_refer needs a value for TARGET"):
        render("uac_refer", {})


def test_a_value_that_nobody_wants_is_named() -> None:
    with pytest.raises(KeyError, match="uac_call has no use for STATUS"):
        render("uac_call", {"STATUS": "200"})


def test_an_empty_header_leaves_no_empty_line() -> None:
    filled, empty = render("uac_call", {"HEADERS": "X-A: 1\nX-B: 2"}), render("uac_call", {})
    assert len(filled.splitlines()) == len(empty.splitlines()) + 2

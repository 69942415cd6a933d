from __future__ import annotations

from sipua.config.sections import schema
from sipua.config.sections.schema import Kind, key_at, keys, tables


def test_tables_in_the_order_of_the_file() -> None:
    assert [table.header for table in tables()] == [
        "[sip]",
        "[[sip.networks]]",
        "[sip.tls]",
        "[admission]",
        "[rtp]",
        "[[accounts]]",
        "[[trunks]]",
        "[[trunks.users]]",
        "[[trunks.servers]]",
        "[stir]",
        "[stir.sign]",
        "[engine]",
        "[engine.turn_detection]",
        "[engines.NAME]",
        "[engines.NAME.turn_detection]",
        "[agent]",
        "[recovery]",
        "[calls]",
        "[[calls.fallback]]",
        "[[routes]]",
        "[[routes.fallback]]",
        "[routes.closed]",
        "[[menus]]",
        "[menus.keys.NAME]",
        "[menus.on_no_input]",
        "[menus.on_invalid]",
        "[menus.closed]",
        "[[queues]]",
        "[[queues.members]]",
        "[queues.keys.NAME]",
        "[queues.on_timeout]",
        "[queues.on_full]",
        "[queues.on_empty]",
        "[queues.closed]",
        "[queue_members]",
        "[hours.NAME]",
        "[outbound]",
        "[[outbound_routes]]",
        "[[outbound_routes.trunks]]",
        "[[number_pools]]",
        "[number_uses]",
        "[barge_in]",
        "[sounds]",
        "[edge]",
        "[api]",
        "[[api.tokens]]",
        "[api.tokens.place]",
        "[twilio]",
        "[metrics]",
        "[traces]",
        "[hep]",
        "[log]",
        "[capture]",
        "[record]",
        "[recording]",
        "[recording.s3]",
        "[cdr]",
        "[audit]",
        "[[webhooks]]",
        "[webhook_spool]",
        "[prices.NAME]",
        "[supervise]",
        "[park]",
        "[tools]",
        "[tools.hang_up]",
        "[tools.transfer]",
        "[tools.transfer.warm]",
        "[[tools.transfer.destinations]]",
        "[tools.put_on_hold]",
        "[tools.get_call_info]",
        "[[tools.webhooks]]",
        "[[tools.mcp]]",
    ]


def test_kinds() -> None:
    assert keys()["sip", "port"].kind is Kind.INTEGER
    assert keys()["rtp", "timeout_s"].kind is Kind.NUMBER
    assert keys()["log", "sip"].kind is Kind.BOOLEAN
    assert keys()["sip", "user_agent"].kind is Kind.TEXT
    assert keys()["sip", "host"].kind is Kind.LIST
    assert keys()["sip", "accept"].choices == ("trunks", "any")
    assert keys()["rtp", "codecs"].kind is Kind.LIST
    assert keys()["engine", "headers"].kind is Kind.TABLE
    assert keys()["accounts", "*", "password"].kind is Kind.SECRET


def test_variables_are_distinct() -> None:
    variables = [key.variable for key in keys().values()]
    assert len(set(variables)) == len(variables)
    assert "SIPUA_ACCOUNTS__0__PASSWORD" in variables
    assert "SIPUA_ENGINE__TURN_DETECTION__TYPE" in variables


def test_paths() -> None:
    key = key_at(("accounts", 7, "user"))
    assert key is not None
    assert key.name == "user"
    assert key_at(("accounts", "user")) is None
    assert schema.is_array("accounts")
    assert not schema.is_array("sip")


def test_what_is_secret() -> None:
    assert schema.is_secret(("accounts", 0, "password"))
    assert schema.is_secret(("engine", "headers", "api-key"))
    assert not schema.is_secret(("accounts", 0, "password_file"))
    assert not schema.is_secret(("engine", "turn_detection", "type"))

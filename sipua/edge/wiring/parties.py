"""From the configuration of a trunk to what is read of its INVITEs, and what ours say."""

from __future__ import annotations

from sipua.calls.routes import Asked, addresses
from sipua.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.sip.parties.claim import StirPolicy
from sipua.sip.parties.numbers import NumberFormat, number_format
from sipua.sip.parties.policy import STRANGER, PeerPolicy
from sipua.sip.parties.refer import ReferPolicy
from sipua.sip.wire.addresses import host_of
from sipua.sip.wire.digest import DigestUsers, users_of


def trunk_named(config: Config, name: str) -> TrunkSection | None:
    return next((trunk for trunk in config.trunks if trunk.name == name), None)


def policies(config: Config) -> dict[str, PeerPolicy]:
    """Those of all trunks and accounts; a trunk says for which numbers its calls may be."""
    accounts = {account.name: _policy(account) for account in config.accounts}
    return accounts | {
        trunk.name: _policy(trunk, trunk.allowed_numbers, _users(config, trunk))
        for trunk in config.trunks
    }


def typed(config: Config, called: str, caller: str, origin: str) -> Asked:
    """A call as people write it, with numbers in the format of its trunk."""
    form = policies(config).get(origin, STRANGER).form
    return Asked((formatted(form, called),), formatted(form, caller), origin)


def formatted(form: NumberFormat, text: str) -> str:
    """A number or URI, as people write it, with its number in this format."""
    user, *with_host = addresses(text)
    number = form.of(user)
    if number == user:
        return text
    return f"sip:{number}@{with_host[0].rpartition('@')[2]}" if with_host else number


def form_of_ours(trunk: TrunkSection | None) -> NumberFormat:
    """Of the numbers that we call, and call with, before the trunk's prefixes."""
    return number_format({}, trunk.country if trunk else "")


def form_out(trunk: TrunkSection | None) -> NumberFormat:
    """Of numbers as the trunk wants them."""
    return number_format(trunk.number_out if trunk else {})


def _users(config: Config, trunk: TrunkSection) -> DigestUsers | None:
    """Those that its calls may prove to be; None: they need not prove anything."""
    passwords = {one.user: one.password.get_secret_value() for one in trunk.users}
    realm = config.admission.digest_realm
    return users_of(realm, trunk.digest_algorithms, passwords) if passwords else None


def _policy(
    section: TrunkSection | AccountSection,
    allowed_numbers: tuple[str, ...] = (),
    users: DigestUsers | None = None,
) -> PeerPolicy:
    return PeerPolicy(
        users=users,
        trusted=section.trust_identity,
        order=section.caller_headers,
        form=number_format(section.number_in, section.country),
        allowed_numbers=allowed_numbers,
        stir=StirPolicy(section.stir, section.stir_min_attest, section.trust_verstat),
        headers_in=section.headers_in,
        codecs=section.codecs,
        srtp=section.srtp,
        srtp_keys=section.srtp_keys,
        refer=ReferPolicy(
            refer=section.refer == "allow",
            targets=section.refer_targets,
            replaces=section.replaces == "allow",
            hosts=frozenset(host.lower() for host in _own_hosts(section)),
        ),
        dialog_source=section.dialog_source,
    )


def _own_hosts(section: TrunkSection | AccountSection) -> list[str]:
    """Names and addresses by which the peer calls itself."""
    if isinstance(section, AccountSection):
        return [host_of(uri) for uri in (section.registrar, section.proxy) if uri]
    return [*section.hosts, *(host_of(server.uri) for server in section.every_server)]

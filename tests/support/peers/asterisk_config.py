"""The configuration of the Asterisk that the tests run.

Endpoints   sipua, sipua-ulaw, sipua-alaw   register with digest; the user is the endpoint's name
            sipua-stays                     the same; its REFERs are refused
            trunk                           anyone else from loopback, trusted by address; dial
                                            `PJSIP/trunk/sip:USER@HOST:PORT`; also trunk-ulaw and
                                            trunk-alaw, for calls from Asterisk; trunk-mux offers
                                            RTP and RTCP on one port
            phone                           a phone without password, by its name in From
            trunk-pai                       as trunk, says who calls in P-Asserted-Identity
            srtp                            the same, by SRTP (SDES) and not without; srtp-or-not
                                            offers it as an extra (RTP/AVP with a=crypto); dtls,
                                            dtls-mux: with keys of a handshake
            inband                          the same, but digits are tones: no telephone events

Extensions  100, 101, 102   ring sipua, sipua-ulaw, sipua-alaw
            600       echo
            601       play speech, hang up
            602LS     record; listen L seconds, play speech, listen S more seconds, hang up
            603       milliwatt, 1004 Hz
            604       ring for 2 seconds, then echo
            605       busy (486)
            606       ring for ever
            607       speech as early media, then echo
            608S      answer, say nothing, hang up after S seconds
            609       refuse (403)
            610       answer, press 1234#*0D after a second, hang up two seconds later
            613       record; after a second play what the test has put into `answer`, listen 15 s
            614       the same, played as early media
            611       read keys up to #, log them as keys=..., hang up
            613, 614  call ${EDGE} by trunk-pai as "Ann" 0301234567; 614: number withheld
            619       record; press 1 after 7 seconds, play speech, listen 4 seconds, hang up
            630       record; call ${EDGE} by trunk
            640       ring ${EDGE} by trunk
            641       ring sipua-stays
            650       an agent behind chan_websocket, if there is one
            651       record; press 5 after four seconds, wait for the other side's end
            642       answer, press 2 after two seconds, hang up ten seconds later
            620       call ${EDGE} by trunk, as ${CALLER}
            +1215…    log what STIR/SHAKEN has found out as verdict=RESULT:ATTESTATION; answer, hang
                      up
            615       log the caller as caller=NUMBER:NAME:PRESENTATION; answer, hang up
"""

from dataclasses import dataclass
from pathlib import Path

from support.certificates import Issued
from support.media.audio import DATA
from support.peers import stir_asterisk, websocket_asterisk
from support.peers.stir_asterisk import Stir
from support.peers.websocket_asterisk import Agent

PASSWORD = "only-for-tests"
KEYS = "1234#*0D"  # what 610 presses
SPEECH = "pbx"  # the sentence that 601, 602 and 607 play

# Only what the endpoints and extensions above need: it is up within half a second.
MODULES = """
    res_sorcery_config res_sorcery_memory res_sorcery_astdb res_timing_timerfd res_pjproject
    res_pjsip res_pjsip_session res_pjsip_sdp_rtp res_pjsip_registrar
    res_pjsip_authenticator_digest res_pjsip_outbound_authenticator_digest
    res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_caller_id
    res_pjsip_nat res_pjsip_logger res_pjsip_rfc3326 res_pjsip_dtmf_info res_pjsip_pubsub
    res_pjsip_refer res_srtp res_rtp_asterisk chan_pjsip bridge_simple
    codec_ulaw codec_alaw codec_resample format_pcm format_wav format_sln pbx_config
    app_dial app_echo app_playback app_mixmonitor app_milliwatt res_clioriginate
    app_senddtmf app_read app_transfer app_verbose func_callerid
"""
# Asterisk complains about these when they are missing; their defaults are wanted.
EMPTY = "acl ccss cdr cel features indications pjproject udptl"


@dataclass(frozen=True, slots=True)
class Tls:
    """Its transport for TLS. It checks the certificates of those that it connects to."""

    port: int
    own: Issued
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one Asterisk has its files and ports."""

    install: Path  # what scripts/peers/unpack.sh unpacked
    home: Path  # configuration, log, recordings
    run: Path  # control socket; short, as the path of a unix socket has 107 bytes at most
    host: str  # what it listens on: loopback, of one family or the other
    sip_port: int
    rtp_ports: tuple[int, int]
    tls: "Tls | None" = None
    stir: Stir | None = None
    agent: Agent | None = None

    @property
    def answer(self) -> Path:
        """What 613 and 614 play: a WAV file, named without its ending."""
        return self.home / "answer"

    @property
    def recordings(self) -> Path:
        return self.home / "recordings"


def write(layout: Layout) -> None:
    for folder in ("db", "spool", "log", "keys", "recordings"):
        (layout.home / folder).mkdir(parents=True, exist_ok=True)
    modules = MODULES.split() + (stir_asterisk.MODULES.split() if layout.stir else [])
    modules += websocket_asterisk.MODULES.split() if layout.agent else []
    files = {
        "asterisk.conf": _asterisk(layout),
        "modules.conf": "[modules]\nautoload=no\n"
        + "".join(f"load = {module}.so\n" for module in modules),
        "logger.conf": "[general]\nappendhostname=no\n[logfiles]\n"
        "full => notice,warning,error,verbose(3)\n",
        # Five times as many RTCP reports as by default, so that a test sees some.
        "rtp.conf": "[general]\nrtcpinterval=1000\nrtpstart={}\nrtpend={}\n".format(
            *layout.rtp_ports
        ),
        "pjsip.conf": _pjsip(layout),
        "extensions.conf": _extensions(layout),
    }
    if layout.stir is not None:
        files["stir_shaken.conf"] = stir_asterisk.config(layout.stir)
    if layout.agent is not None:
        files |= layout.agent.files()
        files["extensions.conf"] += layout.agent.extensions()
        files["asterisk.conf"] += websocket_asterisk.OPTIONS
    files |= {f"{name}.conf": "" for name in EMPTY.split()}
    for name, text in files.items():
        (layout.home / name).write_text(text)


def _asterisk(layout: Layout) -> str:
    modules = next(layout.install.glob("usr/lib/**/asterisk/modules"))
    home, data = layout.home, layout.install / "usr/share/asterisk"
    return f"""\
[directories]
astetcdir => {home}
astmoddir => {modules}
astvarlibdir => {data}
astdatadir => {data}
astagidir => {home}
astkeydir => {home}
astdbdir => {home}/db
astspooldir => {home}/spool
astlogdir => {home}/log
astrundir => {layout.run}
[options]
verbose = 3
nocolor = yes
"""


def _pjsip(layout: Layout) -> str:
    ipv6 = ":" in layout.host
    bind = f"[{layout.host}]" if ipv6 else layout.host
    transports = "".join(
        f"[{protocol}]\ntype=transport\nprotocol={protocol}\nbind={bind}:{layout.sip_port}\n"
        for protocol in ("udp", "tcp")
    )
    if layout.tls is not None:
        transports += f"""\
[tls]
type=transport
protocol=tls
bind={bind}:{layout.tls.port}
cert_file={layout.tls.own.certificate}
priv_key_file={layout.tls.own.key}
ca_list_file={layout.tls.ca_file}
method=tlsv1_2
verify_server=yes
"""
    registering = "".join(
        f"""
[{name}](edge)
allow={codecs}
auth={name}
aors={name}
[{name}]
type=auth
auth_type=userpass
username={name}
password={PASSWORD}
[{name}]
type=aor
max_contacts=1
remove_existing=yes
minimum_expiration=10
qualify_frequency=0
"""
        for name, codecs in (
            ("sipua", "ulaw,alaw"),
            ("sipua-ulaw", "ulaw"),
            ("sipua-alaw", "alaw"),
            ("sipua-stays", "ulaw,alaw\nallow_transfer=no"),
        )
    )
    # moh_passthrough: a hold of the other party reaches the edge as a re-INVITE, as behind a PBX
    # that leaves the music to the far end. Without it the edge only ever hears music.
    return f"""\
[global]
type=global
debug=yes
endpoint_identifier_order=username,ip
{transports}
[edge](!)
type=endpoint
context=sipua
disallow=all
direct_media=no
rtp_symmetric=yes
dtmf_mode=rfc4733
allow_transfer=yes
moh_passthrough=yes
rtp_ipv6={"yes" if ipv6 else "no"}
{registering}
[trunk](edge)
allow=ulaw,alaw
trust_id_inbound=yes
{"stir_shaken_profile=both" if layout.stir else ""}
[trunk-pai](edge)
allow=ulaw
send_pai=yes
trust_id_outbound=yes
[trunk-ulaw](edge)
allow=ulaw
[trunk-alaw](edge)
allow=alaw
[trunk-mux](edge)
allow=ulaw
rtcp_mux=yes
[trunk]
type=identify
endpoint=trunk
match={layout.host}
[trunk-user](edge)
allow=ulaw
outbound_auth=trunk-user
[trunk-user]
type=auth
auth_type=userpass
username=trunk-user
password={PASSWORD}
[phone](edge)
allow=ulaw,alaw
[inband](edge)
allow=ulaw,alaw
dtmf_mode=inband
[srtp](edge)
allow=ulaw
media_encryption=sdes
[srtp-or-not](edge)
allow=ulaw
media_encryption=sdes
media_encryption_optimistic=yes
[dtls](edge)
allow=ulaw
media_encryption=dtls
dtls_auto_generate_cert=yes
dtls_verify=fingerprint
dtls_setup=actpass
[dtls-mux](dtls)
rtcp_mux=yes
"""


def _extensions(layout: Layout) -> str:
    speech = DATA / f"speech-{SPEECH}"
    # r() is what the far side sent, t() what it was sent. The third argument runs when all three
    # files are complete.
    record = (
        "MixMonitor(${REC}-mixed.wav,r(${REC}-received.wav)t(${REC}-sent.wav),touch ${REC}.done)"
    )
    return f"""\
[sipua]
exten => 100,1,Dial(PJSIP/sipua)
exten => 101,1,Dial(PJSIP/sipua-ulaw)
exten => 102,1,Dial(PJSIP/sipua-alaw)
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Answer()
 same => n,Playback({speech})
 same => n,Hangup()
exten => _602XX,1,Answer()
 same => n,Set(REC={layout.recordings}/${{UNIQUEID}})
 same => n,{record}
 same => n,Wait(${{EXTEN:3:1}})
 same => n,Playback({speech})
 same => n,Wait(${{EXTEN:4:1}})
 same => n,Hangup()
exten => _612XX,1,Answer()
 same => n,Set(REC={layout.recordings}/${{UNIQUEID}})
 same => n,{record}
 same => n,Set(LEFT=${{EXTEN:3}})
 same => n(again),Wait(2)
 same => n,Playback({DATA / "speech-short"})
 same => n,Set(LEFT=$[${{LEFT}} - 1])
 same => n,GotoIf($[${{LEFT}} > 0]?again)
 same => n,Wait(1)
 same => n,Hangup()
exten => 619,1,Answer()
 same => n,Set(REC={layout.recordings}/${{UNIQUEID}})
 same => n,{record}
 same => n,Wait(7)
 same => n,SendDTMF(1)
 same => n,Wait(1)
 same => n,Playback({speech})
 same => n,Wait(4)
 same => n,Hangup()
exten => 603,1,Answer()
 same => n,Milliwatt()
exten => 604,1,Ringing()
 same => n,Wait(2)
 same => n,Answer()
 same => n,Echo()
exten => 605,1,Hangup(17)
exten => 606,1,Ringing()
 same => n,Wait(3600)
exten => 607,1,Progress()
 same => n,Playback({speech},noanswer)
 same => n,Answer()
 same => n,Echo()
exten => _608X,1,Answer()
 same => n,Wait(${{EXTEN:3:1}})
 same => n,Hangup()
exten => 609,1,Hangup(21)
exten => 610,1,Answer()
 same => n,Wait(1)
 same => n,SendDTMF({KEYS},100,100)
 same => n,Wait(2)
 same => n,Hangup()
exten => 613,1,Set(CALLERID(all)=Ann <0301234567>)
 same => n,Dial(PJSIP/trunk-pai/${{EDGE}})
exten => 614,1,Set(CALLERID(all)=Ann <0301234567>)
 same => n,Set(CALLERID(pres)=prohib)
 same => n,Dial(PJSIP/trunk-pai/${{EDGE}})
exten => 640,1,Dial(PJSIP/trunk/${{EDGE}})
exten => 641,1,Dial(PJSIP/sipua-stays)
exten => 642,1,Answer()
 same => n,Wait(2)
 same => n,SendDTMF(2)
 same => n,Wait(10)
 same => n,Hangup()
exten => 651,1,Answer()
 same => n,Set(REC={layout.recordings}/${{UNIQUEID}})
 same => n,{record}
 same => n,Wait(4)
 same => n,SendDTMF(5)
 same => n,Wait(20)
exten => 615,1,Verbose(1,caller=${{CALLERID(num)}}:${{CALLERID(name)}}:${{CALLERID(pres)}})
 same => n,Answer()
 same => n,Wait(1)
 same => n,Hangup()
exten => 616,1,Answer()
 same => n,Set(REC={layout.recordings}/${{UNIQUEID}})
 same => n,{record}
 same => n,Wait(1)
 same => n,Playback({layout.answer})
 same => n,Wait(15)
 same => n,Hangup()
exten => 617,1,Progress()
 same => n,Playback({layout.answer},noanswer)
 same => n,Answer()
 same => n,Set(REC={layout.recordings}/${{UNIQUEID}})
 same => n,{record}
 same => n,Wait(8)
 same => n,Hangup()
exten => 630,1,Set(REC={layout.recordings}/${{UNIQUEID}})
 same => n,{record}
 same => n,Dial(PJSIP/trunk/${{EDGE}})
exten => 618,1,Wait(2)
 same => n,Transfer(PJSIP/sip:60217@{layout.host}:{layout.sip_port})
 same => n,Hangup()
exten => 620,1,Set(CALLERID(num)=${{CALLER}})
 same => n,Dial(PJSIP/trunk/${{EDGE}})
exten => _+1215.,1,Set(FOUND=${{STIR_SHAKEN(0,verify_result)}})
 same => n,Verbose(1,verdict=${{FOUND}}:${{STIR_SHAKEN(0,attestation)}})
 same => n,Answer()
 same => n,Wait(1)
 same => n,Hangup()
exten => 611,1,Answer()
 same => n,Read(PRESSED,,20,,1,8)
 same => n,Verbose(1,keys=${{PRESSED}})
 same => n,Hangup()
"""

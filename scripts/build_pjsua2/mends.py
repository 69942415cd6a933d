"""Where we change pjproject, and why: each a small edit at a place that must be there just once.

A version in which a place is gone stops the build: who takes a newer pjproject must look whether
the mend is still needed.
"""

from dataclasses import dataclass
from pathlib import Path

from shell import BuildError

NEW_REQUEST = Path(__file__).with_name("new_request.cpp")


@dataclass(frozen=True)
class Mend:
    file: str
    place: str
    becomes: str


MENDS = [
    # RFC 3261 12.2.2: a request that matches no dialog gets 481. pjsip goes by the tags alone, so
    # a BYE with another call's Call-ID would end this one.
    Mend(
        "pjsip/src/pjsip/sip_ua_layer.c",
        "pj_stricmp(&dlg->remote.info->tag, from_tag) == 0",
        "pj_stricmp(&dlg->remote.info->tag, from_tag) == 0 &&"
        " !pj_strcmp(&dlg->call_id->id, &rdata->msg_info.cid->id)",
    ),
    # RFC 3261 8.2.1: a request that no module here understands gets a refusal, not silence: a PBX
    # that looks after its peers by NOTIFY or INFO would think that we are dead.
    Mend(
        "pjsip/src/pjsip/sip_endpoint.c",
        "if (!handled) {",
        "if (!handled) {\n"
        "        const pjsip_method_e method = msg->line.req.method.id;\n"
        "        if (msg->type == PJSIP_REQUEST_MSG && method != PJSIP_ACK_METHOD &&\n"
        "            method != PJSIP_CANCEL_METHOD)\n"
        "            pjsip_endpt_respond_stateless(endpt, rdata, 501, NULL, NULL, NULL);\n",
    ),
    # pjsua answers each OPTIONS with 200, also when no call would be taken, and keeps 66 kB of each
    # INVITE that it refuses for 32 s. pjsua2 has no callback for the moment before; this is one,
    # in its own style: the decision is `Library.onNewRequest`'s in sipua/sip/pj/library.py.
    Mend(
        "pjsip/include/pjsua2/endpoint.hpp",
        "/**\n * Parameter of Endpoint::handleIpChange().",
        "/** Of Endpoint::onNewRequest(): a statusCode of 300 to 699 refuses, 1 drops. */\n"
        "struct OnNewRequestParam\n"
        "{\n"
        "    SipRxData           rdata;\n"
        "    string              method;\n"
        "    int                 statusCode;\n"
        "    string              reason;\n"
        "    SipHeaderVector     headers;\n"
        "};\n\n"
        "/**\n * Parameter of Endpoint::handleIpChange().",
    ),
    Mend(
        "pjsip/include/pjsua2/endpoint.hpp",
        "    /**\n     * This callback can be used by application to override the account\n",
        "    /** A request that would begin something; see new_request.cpp of sipua's build. */\n"
        "    virtual void onNewRequest(OnNewRequestParam &prm)\n"
        "    { PJ_UNUSED_ARG(prm); }\n\n"
        "    /**\n     * This callback can be used by application to override the account\n",
    ),
    Mend(
        "pjsip/src/pjsua2/endpoint.cpp",
        "void Endpoint::libInit(const EpConfig &prmEpConfig)",
        f"{NEW_REQUEST.read_text()}\nvoid Endpoint::libInit(const EpConfig &prmEpConfig)",
    ),
    Mend(
        "pjsip/src/pjsua2/endpoint.cpp",
        "    PJSUA2_CHECK_EXPR( pjsua_init(&ua_cfg, &log_cfg, &med_cfg) );",
        "    PJSUA2_CHECK_EXPR( pjsua_init(&ua_cfg, &log_cfg, &med_cfg) );\n"
        "    PJSUA2_CHECK_EXPR( pjsip_endpt_register_module(pjsua_get_pjsip_endpt(),\n"
        "                                                   &new_request_module) );",
    ),
]


def apply(tree: Path) -> None:
    for mend in MENDS:
        path = tree / mend.file
        text = path.read_text(encoding="latin-1")
        if text.count(mend.place) != 1:
            raise BuildError(
                f"{mend.file}: {text.count(mend.place)} places for a mend, expected 1; is this "
                "another version of pjproject? See scripts/build_pjsua2/mends.py"
            )
        path.write_text(text.replace(mend.place, mend.becomes), encoding="latin-1")

"""Holes of pjproject 2.17 that became known after it, closed in its way and in our words.

Its authors have closed them in their repository; a release that has them is not there yet.
docs/supply.md lists all that became known, also what cannot be reached in our build. Who takes a
newer pjproject deletes here what it has.
"""

from mend import Mend

FIXES = [
    # A name in a certificate ended at its first NUL: one for "ours.example\\0.theirs.example"
    # counted as one for ours.example (commit 43d3bd77b). No name has a NUL: here it is empty.
    Mend(
        "pjlib/src/pj/ssl_sock_ossl.c",
        "            if (p && len && type != PJ_SSL_CERT_NAME_UNKNOWN) {",
        "            if (p && len > 0 && type != PJ_SSL_CERT_NAME_UNKNOWN &&\n"
        "                type != PJ_SSL_CERT_NAME_IP && memchr(p, 0, len))\n"
        "                *p = 0;\n"
        "            if (p && len && type != PJ_SSL_CERT_NAME_UNKNOWN) {",
    ),
    # A registrar with more than 8 Service-Route header fields wrote behind an array on the stack
    # (commit acc03b57c).
    Mend(
        "pjsip/src/pjsua-lib/pjsua_acc.c",
        "            uri[uri_cnt++] = h->name_addr.uri;\n            h = h->next;",
        "            if (uri_cnt == PJ_ARRAY_SIZE(uri)) {\n"
        '                PJ_LOG(1,(THIS_FILE, "Too many Service-Route URIs, ignored"));\n'
        "                return;\n"
        "            }\n"
        "            uri[uri_cnt++] = h->name_addr.uri;\n            h = h->next;",
    ),
    Mend(
        "pjsip/src/pjsua-lib/pjsua_acc.c",
        "        } while (h != hr && uri_cnt != PJ_ARRAY_SIZE(uri));",
        "        } while (h != hr);",
    ),
    # Allow, Supported and such wrote one byte behind a message that was exactly full (commit
    # d6a0e7f76).
    Mend(
        "pjsip/src/pjsip/sip_msg.c",
        "    copy_advance(p, (*hname));\n    *p++ = ':';\n    *p++ = ' ';\n\n"
        "    if (hdr->count > 0) {",
        "    copy_advance(p, (*hname));\n    if (endbuf - p < 2)\n        return -1;\n"
        "    *p++ = ':';\n    *p++ = ' ';\n\n    if (hdr->count > 0) {",
    ),
    # A multipart body without parts was printed as 70,004 bytes, which is the number of the error
    # (commit 568be8ec2).
    Mend(
        "pjsip/src/pjsip/sip_msg.c",
        "        len = (*msg->body->print_body)(msg->body, p, end-p);\n        if (len < 0) {",
        "        len = (*msg->body->print_body)(msg->body, p, end-p);\n"
        "        if (len < 0 || len > end-p) {",
    ),
    Mend(
        "pjsip/src/pjsip/sip_multipart.c",
        "    PJ_ASSERT_RETURN(m_data && !pj_list_empty(&m_data->part_head), PJ_EINVAL);",
        "    if (!m_data || pj_list_empty(&m_data->part_head))\n        return -1;",
    ),
    # What could not be sent at once used its transaction after it was freed (commit 2da6cf3e3).
    Mend(
        "pjsip/src/pjsip/sip_util_statefull.c",
        "    tsx->mod_data[mod_stateful_util.id] = tsx_data;\n\n"
        "    status = pjsip_tsx_send_msg(tsx, NULL);\n"
        "    if (status != PJ_SUCCESS) {\n"
        "        pjsip_tx_data_dec_ref(tdata);\n"
        "        pjsip_tsx_terminate(tsx, tsx->status_code? tsx->status_code:\n"
        "                            PJSIP_SC_SERVICE_UNAVAILABLE);\n"
        "    }\n",
        "    tsx->mod_data[mod_stateful_util.id] = tsx_data;\n\n"
        "    pj_grp_lock_add_ref(tsx->grp_lock);\n"
        "    status = pjsip_tsx_send_msg(tsx, NULL);\n"
        "    if (status != PJ_SUCCESS) {\n"
        "        pjsip_tx_data_dec_ref(tdata);\n"
        "        pjsip_tsx_terminate(tsx, tsx->status_code? tsx->status_code:\n"
        "                            PJSIP_SC_SERVICE_UNAVAILABLE);\n"
        "    }\n"
        "    pj_grp_lock_dec_ref(tsx->grp_lock);\n",
    ),
    Mend(
        "pjsip/src/pjsip/sip_util_statefull.c",
        "    /* Feed the request to the transaction. */\n"
        "    pjsip_tsx_recv_msg(tsx, rdata);\n\n"
        "    /* Send the message. */\n"
        "    status = pjsip_tsx_send_msg(tsx, tdata);\n"
        "    if (status != PJ_SUCCESS) {\n"
        "        pjsip_tx_data_dec_ref(tdata);\n"
        "        pjsip_tsx_terminate(tsx, tsx->status_code? tsx->status_code:\n"
        "                            PJSIP_SC_INTERNAL_SERVER_ERROR);\n"
        "    } else if (p_tsx) {\n"
        "        *p_tsx = tsx;\n"
        "    }\n",
        "    pj_grp_lock_add_ref(tsx->grp_lock);\n"
        "    /* Feed the request to the transaction. */\n"
        "    pjsip_tsx_recv_msg(tsx, rdata);\n\n"
        "    /* Send the message. */\n"
        "    status = pjsip_tsx_send_msg(tsx, tdata);\n"
        "    if (status != PJ_SUCCESS) {\n"
        "        pjsip_tx_data_dec_ref(tdata);\n"
        "        pjsip_tsx_terminate(tsx, tsx->status_code? tsx->status_code:\n"
        "                            PJSIP_SC_INTERNAL_SERVER_ERROR);\n"
        "    } else if (p_tsx) {\n"
        "        *p_tsx = tsx;\n"
        "    }\n"
        "    pj_grp_lock_dec_ref(tsx->grp_lock);\n",
    ),
    # Offers of both sides together could have more lines than the 16 of an SDP (commit 1e77041dd).
    Mend(
        "pjmedia/src/pjmedia/sdp_neg.c",
        "            if (!found) {\n                pjmedia_sdp_media *m;\n\n"
        "                m = sdp_media_clone_deactivate(pool, om, om, local);\n",
        "            if (!found) {\n                pjmedia_sdp_media *m;\n\n"
        "                if (new_offer->media_count >= PJMEDIA_MAX_SDP_MEDIA) {\n"
        "                    neg->state = PJMEDIA_SDP_NEG_STATE_DONE;\n"
        "                    return PJ_ETOOMANY;\n"
        "                }\n"
        "                m = sdp_media_clone_deactivate(pool, om, om, local);\n",
    ),
    # Each element of XML in another one took a frame of the stack, and 64 kB hold 20,000 of them. A
    # MESSAGE with an `isComposing` body is parsed so (commit 12306eaf9).
    Mend(
        "pjlib-util/src/pjlib-util/xml.c",
        "/* This is a recursive function! */\n"
        "static pj_xml_node *xml_parse_node( pj_pool_t *pool, pj_scanner *scanner)\n"
        "{\n    pj_xml_node *node;\n    pj_str_t end_name;\n\n    PJ_CHECK_STACK();\n",
        "/* This is a recursive function! */\n"
        "static pj_xml_node *xml_parse_node( pj_pool_t *pool, pj_scanner *scanner,\n"
        "                                    unsigned depth)\n"
        "{\n    pj_xml_node *node;\n    pj_str_t end_name;\n\n"
        "    if (depth > 100)\n        on_syntax_error(scanner);\n",
    ),
    Mend(
        "pjlib-util/src/pjlib-util/xml.c",
        "                pj_scan_advance_n(scanner, 2, PJ_TRUE);\n                break;\n"
        "            } else {\n                pj_scan_advance_n(scanner, 1, PJ_FALSE);\n"
        "            }\n        }\n        return xml_parse_node(pool, scanner);",
        "                pj_scan_advance_n(scanner, 2, PJ_TRUE);\n                break;\n"
        "            } else {\n                pj_scan_advance_n(scanner, 1, PJ_FALSE);\n"
        "            }\n        }\n        return xml_parse_node(pool, scanner, depth + 1);",
    ),
    Mend(
        "pjlib-util/src/pjlib-util/xml.c",
        "                pj_scan_advance_n(scanner, 1, PJ_TRUE);\n                break;\n"
        "            } else {\n                pj_scan_advance_n(scanner, 1, PJ_FALSE);\n"
        "            }\n        }\n        return xml_parse_node(pool, scanner);",
        "                pj_scan_advance_n(scanner, 1, PJ_TRUE);\n                break;\n"
        "            } else {\n                pj_scan_advance_n(scanner, 1, PJ_FALSE);\n"
        "            }\n        }\n        return xml_parse_node(pool, scanner, depth + 1);",
    ),
    Mend(
        "pjlib-util/src/pjlib-util/xml.c",
        "pj_xml_node *sub_node = xml_parse_node(pool, scanner);",
        "pj_xml_node *sub_node = xml_parse_node(pool, scanner, depth + 1);",
    ),
    Mend(
        "pjlib-util/src/pjlib-util/xml.c",
        "        node =  xml_parse_node(pool, &scanner);",
        "        node =  xml_parse_node(pool, &scanner, 0);",
    ),
]

/* Endpoint::onTlsConnect(): the application is asked which certificate to show, and which authorities
 * to believe, when pjsip connects by TLS: by the host of the configuration and the address. pjsip has
 * one set for all connections of a transport; a transport for each set would do, but a dialog points to
 * the one that it was made with, which nothing keeps from being closed (pjsip_tpselector_add_ref()), and
 * pjsua has room for eight. mends.py puts this file into pjsua2's endpoint.cpp.
 */
extern "C" {
extern pj_bool_t (*sipua_tls_keys)(pj_pool_t*, const pj_str_t*, const pj_sockaddr_t*,
                                   pj_ssl_cert_t**, pj_bool_t*);
}

static pj_bool_t tls_keys(pj_pool_t *pool, const pj_str_t *host, const pj_sockaddr_t *address,
                          pj_ssl_cert_t **keys, pj_bool_t *verify)
{
    OnTlsConnectParam prm;
    prm.host = pj2Str(*host);
    prm.address = address_of(address);
    prm.own = prm.verify = false;
    Endpoint::instance().onTlsConnect(prm);
    if (!prm.own)
        return PJ_FALSE;
    const pj_str_t none = { NULL, 0 };
    const pj_str_t authorities = str2Pj(prm.authorities);
    const pj_str_t certificate = str2Pj(prm.certificate);
    const pj_str_t key = str2Pj(prm.key);
    *verify = prm.verify;
    return pj_ssl_cert_load_from_files2(pool, &authorities, &none, &certificate, &key, &none,
                                        keys) == PJ_SUCCESS;
}

/* Limits of the production build; pjlib/include/pj/config_site.h of the source tree. */

#define PJSUA_MAX_CALLS         1024
#define PJSUA_MAX_ACC           64

/* One handle a TCP or TLS peer, besides the listeners. */
#define PJ_IOQUEUE_MAX_HANDLES  4096

/* Room for 1,024 calls that all are being re-negotiated while others arrive and end; hash table
 * sizes, so one less than a power of two. */
#define PJSIP_MAX_TSX_COUNT     16383
#define PJSIP_MAX_DIALOG_COUNT  8191

/* Connections that come together wait in the kernel, and are all taken at the next poll. One that
 * finds no room is tried again by its peer, a second later. net.core.somaxconn bounds it as well. */
#define PJSIP_TCP_TRANSPORT_BACKLOG  1024
#define PJSIP_TLS_TRANSPORT_BACKLOG  1024

/* A socket that listens never gives up. mends.py has what it does after an error. */
#define PJ_ACTIVESOCK_MAX_CONSECUTIVE_ACCEPT_ERROR  0x7FFFFFFF

/* An INVITE with many header fields and ICE candidates passes 4 KB, the default; UDP allows this. */
#define PJSIP_MAX_PKT_LEN       65535

/* pjsua2 hands over an empty text for an SDP that is longer than this. 1 KB, the default, is less
 * than one offer with ICE candidates. */
#define PJSUA2_MAX_SDP_BUF_LEN  65535

#define PJ_HAS_IPV6             1
#define PJMEDIA_HAS_VIDEO       0

/* pjsip has a part in offer and answer alone: with SRTP of its own it would refuse each suite and
 * profile that it does not know, and shake hands (DTLS) on a transport that is not there. */
#define PJMEDIA_HAS_SRTP        0

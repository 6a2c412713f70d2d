/* AWS Signature Version 4: what proves to AWS who sent a request.
 *
 * sigv4_sign() is a pure function of its request: no clock, no environment, no I/O. It gives the
 * canonical request, the string to sign and the Authorization header, and the headers that must be
 * sent with it. What is sent must be exactly what was signed: the method, the path, the query
 * string sigv4_sign() gives back, and the headers byte for byte.
 *
 * A `struct sigv4_signer` holds prepared hash functions and the signing keys derived last (one a
 * day, region, service and secret); it changes the speed, never the result. Any number of threads
 * may use one signer. */
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include "base/buf.h"
#include "net/transport.h"

#include <stdint.h>

enum {
    SIGV4_MAX_HEADERS = 64, /* of the request, without those that the signer adds */
    SIGV4_MAX_PARAMS = 256,
    SIGV4_MAX_ADDED = 4,
    SIGV4_HASH_SIZE = 65, /* SHA-256 in lower-case hexadecimal, and its NUL */
    SIGV4_DATE_SIZE = 17  /* "20150830T123600Z" and its NUL */
};

/* The payload hash of a request whose body is not signed (S3, and only over TLS). */
#define SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

enum sigv4_style {
    SIGV4_STANDARD, /* the path is normalised and encoded once more: every service but S3 */
    SIGV4_S3        /* the path is signed as it is sent, and x-amz-content-sha256 is always added */
};

/* A parameter of the query string, not encoded: any bytes. */
struct sigv4_param {
    struct span name;
    struct span value;
};

/* What is signed. The caller owns everything; it is only read during the call. */
struct sigv4_request {
    const char *method; /* upper case */
    struct span host;   /* the Host header as sent: with its port unless that is the scheme's own */
    struct span path;   /* as sent, so percent-encoded already (sigv4_encode()); empty is "/" */
    const struct sigv4_param *params;
    size_t param_count;
    /* All headers that will be sent but Host and those in `added`. Names in any case; equal ones
     * are merged in their order. User-Agent, X-Amzn-Trace-Id and hop-by-hop headers are left out of
     * the signature. */
    const struct net_header *headers;
    size_t header_count;
    const char *payload_hash; /* of the body (sigv4_payload_hash()), or SIGV4_UNSIGNED_PAYLOAD */
    const char *region;       /* "eu-west-1" */
    const char *service;      /* the signing name: "dynamodb", "ses" */
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL or "": none */
    int64_t wall_us;           /* the time to sign for */
    enum sigv4_style style;
};

/* What signing gives; starts as SIGV4_SIGNATURE_INIT, may be used again and again (it keeps its
 * memory), belongs to one thread at a time. */
struct sigv4_signature {
    struct buf canonical_request;
    struct buf string_to_sign;
    struct buf authorization;
    struct buf
        query; /* the query string to send, without '?'; empty when there are no parameters */
    char date[SIGV4_DATE_SIZE];
    /* To be sent with the request's own headers: X-Amz-Date, Authorization, and where they apply
     * X-Amz-Security-Token and X-Amz-Content-Sha256. They point into this struct and into the
     * request. */
    struct net_header added[SIGV4_MAX_ADDED];
    size_t added_count;
};
#define SIGV4_SIGNATURE_INIT ((struct sigv4_signature){0})

enum sigv4_result {
    SIGV4_OK,
    SIGV4_INVALID, /* too many headers or parameters, a bad header name, a header that the signer
                      makes itself, a control character in host, path, key or token: the caller's
                      error */
    SIGV4_FAILED   /* out of memory, or the crypto library failed */
};

struct sigv4_signer;

/* NULL: out of memory, or the crypto library has no SHA-256. */
struct sigv4_signer *sigv4_signer_new(void);

/* Wipes the keys. No other call may run. NULL: nothing. */
void sigv4_signer_free(struct sigv4_signer *signer);

/* SHA-256 of a body in hexadecimal; false (and out = "") when the crypto library failed. Any
 * thread. */
bool sigv4_payload_hash(struct sigv4_signer *signer, struct span body, char out[SIGV4_HASH_SIZE]);

/* Signs. On anything but SIGV4_OK the content of `out` is of no use, but it can be used again and
 * freed. */
enum sigv4_result sigv4_sign(struct sigv4_signer *signer, const struct sigv4_request *request,
                             struct sigv4_signature *out);

/* Wipes and frees what sigv4_sign() allocated; the struct is as after SIGV4_SIGNATURE_INIT. */
void sigv4_signature_free(struct sigv4_signature *signature);

/* Appends `text` percent-encoded as AWS wants it: everything but A-Z a-z 0-9 - . _ ~ becomes %XX
 * with upper-case digits. With `keep_slash`, '/' stays: for whole paths. */
void sigv4_encode(struct buf *out, struct span text, bool keep_slash);

#endif

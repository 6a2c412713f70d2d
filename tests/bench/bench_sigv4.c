/* How long signing one PutItem of about 500 bytes takes, the payload's hash included, in processor
 * time.
 *
 *     make build/tests/bench/bench_sigv4 && build/tests/bench/bench_sigv4 [ROUNDS] */
#include "aws/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCHES = 10 }; /* the best counts: the others were disturbed */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 30000;
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature signature = SIGV4_SIGNATURE_INIT;
    char body[500];
    char hash[SIGV4_HASH_SIZE];
    memset(body, 'x', sizeof body);
    const struct net_header headers[] = {
        {"Content-Type", "application/x-amz-json-1.0"},
        {"X-Amz-Target", "DynamoDB_20120810.PutItem"},
        {"amz-sdk-invocation-id", "0f8fad5b-d9cb-469f-a165-70867728950e"},
        {"amz-sdk-request", "attempt=1; max=4"},
    };
    struct sigv4_request request = {.method = "POST",
                                    .host = SPAN("dynamodb.eu-west-1.amazonaws.com"),
                                    .path = SPAN("/"),
                                    .headers = headers,
                                    .header_count = 4,
                                    .payload_hash = hash,
                                    .region = "eu-west-1",
                                    .service = "dynamodb",
                                    .access_key_id = "AKIDEXAMPLE",
                                    .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                    .wall_us = INT64_C(1440938160) * 1000000};
    double best = 1e9;
    for (int batch = 0; batch < BATCHES; batch++) {
        double start = now_us();
        for (long i = 0; i < rounds; i++) {
            body[0] = (char)i;
            request.wall_us += 1000;
            if (!sigv4_payload_hash(signer, (struct span){body, sizeof body}, hash) ||
                sigv4_sign(signer, &request, &signature) != SIGV4_OK) {
                (void)fputs("signing failed\n", stderr);
                return 1;
            }
        }
        double each = (now_us() - start) / (double)rounds;
        best = each < best ? each : best;
    }
    printf("sign_putitem_us %.3f\n", best);
    sigv4_signature_free(&signature);
    sigv4_signer_free(signer);
    return 0;
}

/* Encodings of mails: RFC 2045 bodies, RFC 2047 headers, RFC 5322 dates. Pure functions; all
 * append. */
#ifndef NOTIFY_MESSAGE_ENCODE_H
#define NOTIFY_MESSAGE_ENCODE_H

#include "base/buf.h"

#include <stdint.h>

/* Base64 without line ends. */
void message_base64(struct buf *out, struct span bytes);

/* Base64 in lines of 76, each with CRLF. */
void message_base64_lines(struct buf *out, struct span bytes);

/* Quoted-printable in lines of at most 76. CRLF in `text` is a line end, all other control
 * characters but the tab are encoded. */
void message_quoted_printable(struct buf *out, struct span text);

/* `text`, valid UTF-8 without control characters, as the value of a header whose name and colon
 * took `used` bytes of the line: as it is when it is printable ASCII, fits into 76 characters and
 * cannot be taken for something else; else as encoded words of at most 75 characters, none of which
 * splits a code point. */
void message_header_text(struct buf *out, struct span text, size_t used);

/* "Fri, 28 Nov 2025 11:16:31 +0000" */
void message_date(struct buf *out, int64_t wall_us);

/* `text` with every control character and every byte that is not valid UTF-8 replaced by U+FFFD. */
void message_clean(struct buf *out, struct span text);

/* `text` with CRLF for each line end, be it CRLF, LF or CR: text in a mail may have no other (RFC
 * 2046, 4.1.1). */
void message_crlf(struct buf *out, struct span text);

#endif

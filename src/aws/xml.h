/* Reading one text out of a small XML answer, as AWS's Query services give. Pure function, any
 * thread.
 *
 * Not a validating parser: elements, attributes (skipped), text, CDATA, comments, processing
 * instructions, the five entities and character references. A DOCTYPE is refused, so nothing can be
 * declared. */
#ifndef AWS_XML_H
#define AWS_XML_H

#include "base/buf.h"

enum { XML_MAX_DEPTH = 32 };

/* Appends the text of the first element at `path` ("ErrorResponse/Error/Code", from the root on).
 * False when there is none, or when the document is broken before its end tag; `out` may then hold
 * a part of it. */
bool xml_text(struct span document, const char *path, struct buf *out);

#endif

/* Input that is only read is const. */
#define ZLIB_CONST
#include <zlib.h>

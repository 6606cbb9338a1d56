#include "proxy/failure.h"

unsigned failure_status(enum failure f)
{
    static const unsigned status[] = {0,
#define X(id, status, word) status,
                                      FAILURES(X)
#undef X
    };
    return status[f];
}

const char *failure_word(enum failure f)
{
    static const char *const words[] = {"",
#define X(id, status, word) word,
                                        FAILURES(X)
#undef X
    };
    return words[f];
}

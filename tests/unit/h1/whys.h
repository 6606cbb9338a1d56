/* whys.h - why a reader refuses what it refuses. */
#ifndef UNIT_H1_WHYS_H
#define UNIT_H1_WHYS_H

#define LINE_END_WHY    "a line does not end in CRLF"
#define START_WHY       "it does not begin with HTTP/1."
#define CR_WHY          "a line holds a bare CR"
#define CONTROL_WHY     "a line holds a control byte"
#define FOLD_WHY        "a field line is folded"
#define VERSION_WHY     "the version is neither HTTP/1.0 nor HTTP/1.1"
#define SPACE_WHY       "no space follows the version"
#define DIGITS_WHY      "the status code has not three digits"
#define STATUS_WHY      "the status code is not in 100-599"
#define NAME_WHY        "a field name is empty or holds a byte that no name may hold"
#define COLON_WHY       "a field line has no colon"
#define LENGTH_WHY      "content-length is not a number, or too large"
#define LENGTHS_WHY     "several content-length fields"
#define BOTH_WHY        "both transfer-encoding and content-length"
#define CODING_WHY      "transfer-encoding is not exactly \"chunked\""
#define TAB_WHY         "a tab stands beside what frames the body"
#define SIZE_WHY        "the size of a chunk is not a hexadecimal number, or too large"
#define BLANK_WHY       "white space of a chunk's line is not followed by an extension"
#define CHUNK_WHY       "the line of a chunk does not end in CRLF"
#define CONTROL_EXT_WHY "an extension of a chunk holds a control byte"
#define EXT_WHY         "an extension of a chunk is neither a name nor a name with a value"
#define QUOTE_WHY       "a quoted string of a chunk's extension does not end"
#define DATA_WHY        "CRLF does not follow the data of a chunk"

#endif

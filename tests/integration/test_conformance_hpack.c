/* RFC 7541 as a decoder: every representation is read; what is no encoding of a header list ends
 * the connection with COMPRESSION_ERROR (RFC 9113 §4.3). */
#include "frames.h"

/* GET https://example.com/ without a trace in the dynamic table. */
#define GET_BLOCK                                                                                  \
    "\x82\x87\x84\x01\x0b"                                                                         \
    "example.com"

#define REQUEST(stream, more)           BLOCK(stream, END_BOTH, GET_BLOCK more)
#define WITHOUT_AUTHORITY(stream, more) BLOCK(stream, END_BOTH, "\x82\x87\x84" more)
#define REQUEST_AFTER(stream, before)   BLOCK(stream, END_BOTH, before GET_BLOCK)

#define STORED "\x40\x06x-test\x02ok" /* becomes index 62 */
#define NEWEST "\xbe"

static void every_representation_is_read(void **state)
{
    static const struct frames_case cases[] = {
        {"indexed, static", {REQUEST(1, "\xba")}, IS_ANSWERED(1)},
        {"indexed, dynamic", {REQUEST(1, STORED), REQUEST(3, NEWEST)}, IS_ANSWERED(3)},
        {"stored and used in one block", {REQUEST(1, STORED NEWEST)}, IS_ANSWERED(1)},
        {"incremental, indexed name", {REQUEST(1, "\x7a\x01z")}, IS_ANSWERED(1)},
        {"incremental, indexed name, Huffman", {REQUEST(1, "\x7a\x81\x1f")}, IS_ANSWERED(1)},
        {"incremental, new name", {REQUEST(1, STORED)}, IS_ANSWERED(1)},
        {"incremental, new name, Huffman", {REQUEST(1, "\x40\x81\x1f\x81\x1f")}, IS_ANSWERED(1)},
        {"not indexed, indexed name", {REQUEST(1, "\x0f\x2b\x01z")}, IS_ANSWERED(1)},
        {"not indexed, indexed name, Huffman", {REQUEST(1, "\x0f\x2b\x81\x1f")}, IS_ANSWERED(1)},
        {"not indexed, new name", {REQUEST(1, "\x00\x01x\x01z")}, IS_ANSWERED(1)},
        {"not indexed, new name, Huffman", {REQUEST(1, "\x00\x81\x1f\x81\x1f")}, IS_ANSWERED(1)},
        {"never indexed, indexed name", {REQUEST(1, "\x1f\x2b\x01z")}, IS_ANSWERED(1)},
        {"never indexed, indexed name, Huffman", {REQUEST(1, "\x1f\x2b\x81\x1f")}, IS_ANSWERED(1)},
        {"never indexed, new name", {REQUEST(1, "\x10\x01x\x01z")}, IS_ANSWERED(1)},
        {"never indexed, new name, Huffman", {REQUEST(1, "\x10\x81\x1f\x81\x1f")}, IS_ANSWERED(1)},
        {"name from the dynamic table", {REQUEST(1, STORED "\x7e\x01z")}, IS_ANSWERED(1)},
        {"an empty value", {REQUEST(1, "\x00\x01x\x00")}, IS_ANSWERED(1)},
        {"Huffman of RFC 7541 C.4.1",
         {WITHOUT_AUTHORITY(1, "\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff")},
         IS_ANSWERED(1)},
        {"an integer cut by CONTINUATION",
         {BLOCK(1, END_STREAM, GET_BLOCK "\x0f"),
          FRAME(NGHTTP2_CONTINUATION, END_HEADERS, 1, "\x2b\x01z")},
         IS_ANSWERED(1)},
        {"Huffman cut by CONTINUATION",
         {BLOCK(1, END_STREAM, "\x82\x87\x84\x41\x8c\xf1\xe3\xc2"),
          FRAME(NGHTTP2_CONTINUATION, END_HEADERS, 1, "\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff")},
         IS_ANSWERED(1)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void the_dynamic_table_changes_its_size(void **state)
{
    static const struct frames_case cases[] = {
        {"to 0", {REQUEST_AFTER(1, "\x20")}, IS_ANSWERED(1)},
        {"to 4096, the most there is", {REQUEST_AFTER(1, "\x3f\xe1\x1f")}, IS_ANSWERED(1)},
        {"to 0 and back", {REQUEST_AFTER(1, "\x20\x3f\xe1\x1f")}, IS_ANSWERED(1)},
        {"back up, then used",
         {REQUEST_AFTER(1, "\x20\x3f\xe1\x1f"), REQUEST(3, STORED), REQUEST(5, NEWEST)},
         IS_ANSWERED(5)},
        {"a field larger than the table is read and not kept",
         {REQUEST_AFTER(1, "\x21" STORED), REQUEST(3, NEWEST)},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"to 0 empties it",
         {REQUEST(1, STORED), REQUEST_AFTER(3, "\x20" NEWEST)},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"over the limit", {REQUEST_AFTER(1, "\x3f\xe2\x1f")}, ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"at the end of a block", {REQUEST(1, "\x20")}, ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"in the middle of a block",
         {BLOCK(1, END_BOTH,
                "\x82\x20\x87\x84\x01\x0b"
                "example.com")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void an_index_that_names_nothing_ends_the_connection(void **state)
{
    static const struct frames_case cases[] = {
        {"index 0", {REQUEST(1, "\x80")}, ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"above both tables", {REQUEST(1, NEWEST)}, ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"one above both tables",
         {REQUEST(1, STORED), REQUEST(3, "\xbf")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a name above both tables, incremental",
         {REQUEST(1, "\x7f\x00\x01z")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a name above both tables, not indexed",
         {REQUEST(1, "\x0f\x30\x01z")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a name above both tables, never indexed",
         {REQUEST(1, "\x1f\x30\x01z")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"what was not to be indexed",
         {REQUEST(1, "\x00\x01x\x01z"), REQUEST(3, NEWEST)},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void a_string_or_integer_that_is_none_ends_the_connection(void **state)
{
    static const struct frames_case cases[] = {
        {"Huffman padding longer than 7 bits",
         {REQUEST(1, "\x00\x01x\x82\x1f\xff")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"Huffman padding of zeros",
         {REQUEST(1, "\x00\x01x\x81\x18")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"Huffman's EOS alone",
         {REQUEST(1, "\x00\x01x\x84\xff\xff\xff\xff")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"Huffman's EOS between",
         {REQUEST(1, "\x00\x01x\x86\x1f\xff\xff\xff\xfc\x7f")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"Huffman's EOS in a name",
         {REQUEST(1, "\x00\x85\x1f\xff\xff\xff\xff\x01z")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"an index beyond all integers",
         {REQUEST(1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a length beyond all integers",
         {REQUEST(1, "\x00\x01x\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x7f")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a table size beyond all integers",
         {REQUEST_AFTER(1, "\x3f\xff\xff\xff\xff\xff\xff\xff\xff\x7f")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a block that ends in an integer",
         {REQUEST(1, "\xff")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a block that ends before a name",
         {REQUEST(1, "\x00")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a block that ends in a name",
         {REQUEST(1, "\x00\x05"
                     "ab")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a block that ends before a value",
         {REQUEST(1, "\x00\x01x")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a block that ends in a value",
         {REQUEST(1, "\x00\x01x\x05z")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"a block that ends in Huffman's code",
         {REQUEST(1, "\x00\x01x\x85\x1f")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"the last CONTINUATION leaves it open",
         {BLOCK(1, END_STREAM, GET_BLOCK "\x00\x01x"),
          FRAME(NGHTTP2_CONTINUATION, END_HEADERS, 1, "\x05z")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
        {"in trailers",
         {POST_HELD(1), BLOCK(1, END_BOTH, "\x80")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

/* The tables of both sides stay the same whatever becomes of the stream (RFC 9113 §4.3). */
static void blocks_of_refused_streams_are_decoded_too(void **state)
{
    static const struct frames_case cases[] = {
        {"a malformed request",
         {BLOCK(1, END_BOTH, GET_BLOCK "\x00\x01X\x01z" STORED), REQUEST(3, NEWEST)},
         ENDS_STREAM(1, PROTOCOL_ERROR)},
        {"trailers on a stream that was reset",
         {BLOCK(1, END_HEADERS, GET_BLOCK "\x00\x01X\x01z"), AWAIT_RESET(1),
          BLOCK(1, END_BOTH, STORED), REQUEST(3, NEWEST)},
         ENDS_STREAM(1, PROTOCOL_ERROR)},
        {"an error in trailers on a stream that was reset",
         {BLOCK(1, END_HEADERS, GET_BLOCK "\x00\x01X\x01z"), AWAIT_RESET(1),
          BLOCK(1, END_BOTH, "\x80")},
         ENDS_CONNECTION(COMPRESSION_ERROR)},
    };
    frames_start(*state);
    frames_check(*state, cases);
}

static void the_clients_table_size_is_obeyed(void **state)
{
    frames_start(*state);
    struct frames *f = frames_greet(*state);
    FRAMES_PUT(f, GET(1));
    assert_true(frames_until(f, frames_has_end, 1));
    FRAMES_PUT(f, SETTINGS("\0\1\0\0\0\0"));
    assert_true(frames_until(f, frames_has_acks, 2));
    /* From now on the decoder insists on an update, and knows no entry. */
    assert_int_equal(nghttp2_hd_inflate_change_table_size(f->inflater, 0), 0);
    for (uint32_t id = 3; id < 9; id += 2) {
        FRAMES_PUT(f, GET(id));
        assert_true(frames_until(f, frames_has_end, id));
        assert_int_equal(f->streams[id].status, 200);
    }
    frames_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(every_representation_is_read),
        RIG_TEST(the_dynamic_table_changes_its_size),
        RIG_TEST(an_index_that_names_nothing_ends_the_connection),
        RIG_TEST(a_string_or_integer_that_is_none_ends_the_connection),
        RIG_TEST(blocks_of_refused_streams_are_decoded_too),
        RIG_TEST(the_clients_table_size_is_obeyed),
    };
    return rig_run(tests);
}

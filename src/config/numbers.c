/* Numbers, durations, sizes, permissions, switches and words. */
#include <inttypes.h>

#include "config/type.h"

struct unit {
    struct span suffix;
    uint64_t factor;
};

/* From the largest to the smallest: a value is printed in the first that divides it. */
static const struct unit DURATIONS[] = {
    {SPAN("h"), 3600000}, {SPAN("m"), 60000}, {SPAN("s"), 1000}, {SPAN("ms"), 1}};
static const struct unit SIZES[] = {
    {SPAN("g"), 1 << 30}, {SPAN("m"), 1 << 20}, {SPAN("k"), 1 << 10}, {SPAN(""), 1}};

/* Text of a quantity: 20 digits and a unit. */
struct quantity {
    char text[24];
};

static bool in_range(const struct option *option, uint64_t n)
{
    return n >= option->min && n <= option->max;
}

static size_t digits_of(struct span text)
{
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    return digits;
}

static bool parse_units(const struct option *option, struct span text, const struct unit *units,
                        size_t len, uint64_t *out)
{
    size_t digits = digits_of(text);
    for (size_t i = 0; i < len; i++) {
        uint64_t n;
        if (!span_eq(span_from(text, digits), units[i].suffix))
            continue;
        if (!span_to_u64((struct span){text.ptr, digits}, UINT64_MAX / units[i].factor, &n) ||
            !in_range(option, n * units[i].factor))
            return false;
        *out = n * units[i].factor;
        return true;
    }
    return false;
}

static struct quantity quantity(uint64_t n, const struct unit *units)
{
    while (n % units->factor != 0)
        units++;
    struct quantity q;
    snprintf(q.text, sizeof q.text, "%" PRIu64 "%.*s", n / units->factor, SPAN_ARG(units->suffix));
    return q;
}

static struct quantity duration(uint64_t ms)
{
    if (ms == 0)
        return (struct quantity){"0s"};
    return quantity(ms, DURATIONS);
}

static bool parse_count(struct type_context *ctx, const struct option *option, struct span text,
                        void *to)
{
    (void)ctx;
    uint64_t n;
    if (!span_to_u64(text, option->max, &n) || !in_range(option, n))
        return false;
    *(uint64_t *)to = n;
    return true;
}

static void print_count(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fprintf(out, "%" PRIu64, *(const uint64_t *)from);
}

static void describe_count(const struct option *option, char *out, size_t room)
{
    snprintf(out, room, "a whole number from %" PRIu64 " to %" PRIu64, option->min, option->max);
}

static bool parse_duration(struct type_context *ctx, const struct option *option, struct span text,
                           void *to)
{
    if (text.len > 0 && digits_of(text) == text.len)
        return type_why(ctx, "the unit (ms, s, m or h) is missing");
    return parse_units(option, text, DURATIONS, ARRAY_LEN(DURATIONS), to);
}

static void print_duration(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fputs(duration(*(const uint64_t *)from).text, out);
}

static void describe_duration(const struct option *option, char *out, size_t room)
{
    snprintf(out, room, "a duration from %s to %s", duration(option->min).text,
             duration(option->max).text);
}

static bool parse_size(struct type_context *ctx, const struct option *option, struct span text,
                       void *to)
{
    (void)ctx;
    return parse_units(option, text, SIZES, ARRAY_LEN(SIZES), to);
}

static void print_size(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fputs(quantity(*(const uint64_t *)from, SIZES).text, out);
}

static void describe_size(const struct option *option, char *out, size_t room)
{
    snprintf(out, room, "a size from %s to %s", quantity(option->min, SIZES).text,
             quantity(option->max, SIZES).text);
}

/* "25%" */
static bool parse_percent(struct span text, unsigned *out)
{
    uint64_t n;
    if (text.len == 0 || text.ptr[text.len - 1] != '%' ||
        !span_to_u64(span_of(text.ptr, text.len - 1), 100, &n) || n == 0)
        return false;
    *out = (unsigned)n;
    return true;
}

static bool parse_memory(struct type_context *ctx, const struct option *option, struct span text,
                         void *to)
{
    (void)ctx;
    struct config_memory memory = {0};
    bool fine = span_eq(text, SPAN("0")) || parse_percent(text, &memory.percent) ||
                parse_units(option, text, SIZES, ARRAY_LEN(SIZES), &memory.bytes);
    if (fine)
        *(struct config_memory *)to = memory;
    return fine;
}

static void print_memory(const struct option *option, const void *from, FILE *out)
{
    const struct config_memory *memory = from;
    if (memory->percent > 0)
        fprintf(out, "%u%%", memory->percent);
    else if (memory->bytes > 0)
        print_size(option, &memory->bytes, out);
    else
        fputs("0", out);
}

static void describe_memory(const struct option *option, char *out, size_t room)
{
    snprintf(out, room, "a size from %s to %s, a share of the machine's from 1%% to 100%%, or 0",
             quantity(option->min, SIZES).text, quantity(option->max, SIZES).text);
}

/* Three octal digits, or four with a zero in front, as chmod(1) takes them. */
static bool parse_mode(struct type_context *ctx, const struct option *option, struct span text,
                       void *to)
{
    (void)ctx, (void)option;
    unsigned mode = 0;
    if (text.len == 4 && text.ptr[0] == '0')
        text = span_from(text, 1);
    if (text.len != 3)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7')
            return false;
        mode = mode << 3 | (unsigned)(text.ptr[i] - '0');
    }
    *(unsigned *)to = mode;
    return true;
}

static void print_mode(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fprintf(out, "0%03o", *(const unsigned *)from);
}

static bool parse_switch(struct type_context *ctx, const struct option *option, struct span text,
                         void *to)
{
    (void)ctx, (void)option;
    bool on = span_eq(text, SPAN("on"));
    if (!on && !span_eq(text, SPAN("off")))
        return false;
    *(bool *)to = on;
    return true;
}

static void print_switch(const struct option *option, const void *from, FILE *out)
{
    (void)option;
    fputs(*(const bool *)from ? "on" : "off", out);
}

static bool parse_word(struct type_context *ctx, const struct option *option, struct span text,
                       void *to)
{
    (void)ctx;
    for (unsigned i = 0; option->words[i]; i++) {
        if (span_eq(text, span_str(option->words[i]))) {
            *(unsigned *)to = (unsigned)option->min + i;
            return true;
        }
    }
    return false;
}

static void print_word(const struct option *option, const void *from, FILE *out)
{
    fputs(option->words[*(const unsigned *)from - option->min], out);
}

/* "a, b or c" */
static void describe_word(const struct option *option, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; option->words[i] && used < room; i++) {
        const char *between = i == 0 ? "" : option->words[i + 1] ? ", " : " or ";
        used += (size_t)snprintf(out + used, room - used, "%s%s", between, option->words[i]);
    }
}

const struct type type_count = {
    .parse = parse_count, .print = print_count, .describe = describe_count};
const struct type type_duration = {
    .parse = parse_duration, .print = print_duration, .describe = describe_duration};
const struct type type_size = {.parse = parse_size, .print = print_size, .describe = describe_size};
const struct type type_memory = {
    .parse = parse_memory, .print = print_memory, .describe = describe_memory};
const struct type type_mode = {
    .parse = parse_mode, .print = print_mode, .allowed = "octal permissions from 0000 to 0777"};
const struct type type_switch = {
    .parse = parse_switch, .print = print_switch, .allowed = "on or off"};
const struct type type_word = {.parse = parse_word, .print = print_word, .describe = describe_word};

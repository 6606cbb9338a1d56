#include "config/source.h"

#include <assert.h>
#include <ini.h>

#include "config/fault.h"
#include "config/suggest.h"

/* One reading of a text. */
struct reading {
    struct source *source;
    struct config_error *error;
    struct span rest; /* lines that were not yet handed to inih */
    unsigned line;    /* the one that inih has */
    struct source_section *section;
    bool has_failed;
};

static char comment_prefix[] = "#";

/* A line belongs to one option: what looks like a comment behind its value is refused, not cut off
 * (has_comment_behind()). */
static void set_up_inih(void)
{
    ini_max_line = SOURCE_LINE_BYTES + 3;
    ini_use_stack = true;
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_allow_no_value = false;
    ini_allow_bom = false;
    ini_start_comment_prefixes = comment_prefix;
}

void source_init(struct source *s, const char *file)
{
    *s = (struct source){.file = file};
    arena_init(&s->arena, NULL);
    s->end = &s->first;
}

void source_fini(struct source *s)
{
    arena_fini(&s->arena);
}

struct source_section *source_add(struct source *s, const struct section *kind, struct span name,
                                  unsigned line)
{
    struct source_section *section = arena_zalloc(&s->arena, sizeof *section);
    struct span copy = arena_printf(&s->arena, "%.*s", SPAN_ARG(name));
    if (s->arena.failed)
        return NULL;
    section->kind = kind;
    section->name = copy.ptr;
    section->line = line;
    *s->end = section;
    s->end = &section->next;
    return section;
}

const struct source_section *source_next(const struct source *s, const struct source_section *after,
                                         const struct section *kind)
{
    const struct source_section *at = after ? after->next : s->first;
    while (at && at->kind != kind)
        at = at->next;
    return at;
}

struct source_label source_label(const struct section *kind, const char *name)
{
    struct source_label label = {""};
    bool has_name = name && name[0] != '\0';
    if (kind->name[0] != '\0')
        snprintf(label.text, sizeof label.text, "[%s%s%s]", kind->name, has_name ? " " : "",
                 has_name ? name : "");
    return label;
}

/* How the manual writes a section: "[listen NAME]". */
static struct source_label general_label(const struct section *kind)
{
    return source_label(kind, kind->sample_name ? "NAME" : NULL);
}

/* Ends the reading. */
#define FAIL(r, ...)                                                                               \
    ((r)->has_failed = true, fault_at((r)->error, (r)->source->file, (r)->line, __VA_ARGS__))

static bool fail_unknown_section(struct reading *r, struct span kind, struct span header)
{
    struct suggest near;
    suggest_init(&near, kind);
    for (size_t i = SECTION_GLOBAL + 1; i < SECTION_COUNT; i++)
        suggest_offer(&near, options_sections[i].name);
    if (near.best) {
        struct source_label label = general_label(options_section(span_str(near.best)));
        return FAIL(r, "unknown section [%.*s]; did you mean %s?", FAULT_SHOWN(header), label.text);
    }
    char all[200] = "";
    size_t used = 0;
    for (size_t i = SECTION_GLOBAL + 1; i < SECTION_COUNT && used < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used > 0 ? ", " : "",
                                 general_label(&options_sections[i]).text);
    return FAIL(r, "unknown section [%.*s]; allowed are %s", FAULT_SHOWN(header), all);
}

static bool check_name(struct reading *r, const struct section *kind, struct span name)
{
    if (name.len > 0 && !kind->sample_name)
        return FAIL(r, "section [%s] has no name; write [%s]", kind->name, kind->name);
    if (name.len == 0 && kind->sample_name)
        return FAIL(r, "section [%s] needs a name; write [%s NAME]", kind->name, kind->name);
    if (name.len > SOURCE_NAME_BYTES || !type_is_made_of(name, "-_."))
        return FAIL(r,
                    "\"%.*s\" cannot be the name of a section; allowed are letters, digits, "
                    "\"-\", \"_\" and \".\", at most %d",
                    FAULT_SHOWN(name), SOURCE_NAME_BYTES);
    return true;
}

static bool check_first(struct reading *r, const struct section *kind, struct span name)
{
    const struct source_section *twin = source_next(r->source, NULL, kind);
    for (; twin; twin = source_next(r->source, twin, kind)) {
        if (span_eq(span_str(twin->name), name))
            return FAIL(r, "%s is given twice, first in line %u",
                        source_label(kind, twin->name).text, twin->line);
    }
    return true;
}

static bool out_of_memory(struct reading *r)
{
    return FAIL(r, "out of memory");
}

/* Reads "[kind name]"; inih does not tell of a section without options, nor of one that is
 * repeated, and it cuts long names. */
static bool read_header(struct reading *r, struct span line)
{
    size_t close = span_find(line, ']');
    if (close == line.len)
        return FAIL(r, "\"]\" is missing at the end of the section \"%.*s\"", FAULT_SHOWN(line));
    if (close + 1 < line.len)
        return FAIL(r, "nothing may follow the section in its line; a comment has its own line");
    struct span header = span_trim(span_of(line.ptr + 1, close - 1)), rest = header, word;
    if (!type_next_word(&rest, &word))
        return FAIL(r, "a section needs a name between \"[\" and \"]\"");
    const struct section *kind = options_section(word);
    struct span name = span_trim(rest);
    if (!kind)
        return fail_unknown_section(r, word, header);
    if (!check_name(r, kind, name) || !check_first(r, kind, name))
        return false;
    r->section = source_add(r->source, kind, name, r->line);
    return r->section || out_of_memory(r);
}

/* What inih would read in some other way than we do is refused before it sees it. */
static bool check_option(struct reading *r, struct span line)
{
    size_t equals = span_find(line, '=');
    if (line.ptr[0] == ';')
        return FAIL(r, "a comment begins with \"#\", not with \";\"");
    if (equals == 0 || equals == line.len || span_find(line, ':') < equals)
        return FAIL(r, "\"%.*s\" is neither [section], nor option = value, nor # comment",
                    FAULT_SHOWN(line));
    return true;
}

static bool check_bytes(struct reading *r, struct span line)
{
    if (line.len > SOURCE_LINE_BYTES)
        return FAIL(r, "the line has more than the %d bytes that are allowed", SOURCE_LINE_BYTES);
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return FAIL(r, "the line holds the control byte 0x%02x; allowed are text and tabs", c);
    }
    return true;
}

static bool check_line(struct reading *r, struct span line)
{
    if (!check_bytes(r, line))
        return false;
    line = span_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    return line.ptr[0] == '[' ? read_header(r, line) : check_option(r, line);
}

static struct span take_line(struct span *rest)
{
    size_t newline = span_find(*rest, '\n');
    struct span line = {rest->ptr, newline};
    *rest = span_from(*rest, newline < rest->len ? newline + 1 : newline);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* inih's reader: one line for each call, as by fgets(). NULL ends the reading. */
static char *next_line(char *to, int room, void *stream)
{
    struct reading *r = stream;
    if (r->has_failed || r->rest.len == 0)
        return NULL;
    struct span line = take_line(&r->rest);
    r->line++;
    if (!check_line(r, line))
        return NULL;
    assert(line.len + 2 <= (size_t)room);
    (void)room;
    memcpy(to, line.ptr, line.len);
    memcpy(to + line.len, "\n", 2);
    return to;
}

static bool fail_unknown_option(struct reading *r, struct span name)
{
    const struct section *kind = r->section->kind;
    struct source_label here = source_label(kind, r->section->name);
    const char *in = here.text[0] ? " in " : " before the first section";
    struct suggest near;
    suggest_init(&near, name);
    for (size_t i = 0; i < kind->options_len; i++)
        suggest_offer(&near, kind->options[i].name);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (!options_find(&options_sections[i], name))
            continue;
        struct source_label there = general_label(&options_sections[i]);
        return FAIL(r, "unknown option \"%.*s\"%s%s; it belongs %s%s", FAULT_SHOWN(name), in,
                    here.text, there.text[0] ? "in " : "before the first section", there.text);
    }
    if (near.best)
        return FAIL(r, "unknown option \"%.*s\"%s%s; did you mean \"%s\"?", FAULT_SHOWN(name), in,
                    here.text, near.best);
    char all[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < kind->options_len && used < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", used > 0 ? ", " : "",
                                 kind->options[i].name);
    return FAIL(r, "unknown option \"%.*s\"%s%s; allowed are %s", FAULT_SHOWN(name), in, here.text,
                all);
}

/* A "#" or ";" that begins a word of the value. Other programs' files have comments there; as a
 * part of the value it would be the name of a file. Within a word both stand for themselves. */
static bool has_comment_behind(struct span value)
{
    struct span word;
    while (type_next_word(&value, &word)) {
        if (word.ptr[0] == '#' || word.ptr[0] == ';')
            return true;
    }
    return false;
}

static bool take_value(struct reading *r, struct span name, struct span text)
{
    const struct option *option = options_find(r->section->kind, name);
    if (!option)
        return fail_unknown_option(r, name);
    struct source_value *value = &r->section->values[option - r->section->kind->options];
    if (value->is_given) {
        struct source_label label = source_label(r->section->kind, r->section->name);
        return FAIL(r, "%s%s%s is given twice, first in line %u", label.text,
                    label.text[0] ? " " : "", option->name, value->line);
    }
    if (has_comment_behind(text))
        return FAIL(
            r,
            "%s = %.*s: a comment has its own line; no word of a value begins with \"#\" or "
            "\";\"",
            option->name, FAULT_SHOWN(text));
    *value = (struct source_value){
        .is_given = true, .text = arena_dup(&r->source->arena, text), .line = r->line};
    return !r->source->arena.failed || out_of_memory(r);
}

/* inih's handler. The section that it names is cut to 49 bytes: ours is r->section. */
static int on_value(void *user, const char *section, const char *name, const char *value)
{
    (void)section;
    return take_value(user, span_str(name), span_str(value));
}

bool source_read(struct source *s, struct span text, struct config_error *error)
{
    struct span bom = SPAN("\xef\xbb\xbf");
    struct reading r = {.source = s, .error = error};
    r.rest = span_starts(text, bom) ? span_from(text, bom.len) : text;
    r.section = source_add(s, &options_sections[SECTION_GLOBAL], SPAN(""), 0);
    if (!r.section)
        return out_of_memory(&r);
    set_up_inih();
    int bad_line = ini_parse_stream(next_line, &r, on_value, &r);
    if (bad_line != 0 && !r.has_failed)
        return FAIL(&r, "the line cannot be read");
    return !r.has_failed;
}

/* What people read about the options: conf/proxy.conf and docs/configuration.md. */
#include <assert.h>
#include <stdarg.h>

#include "config/source.h"

enum { COLUMNS = 100 };

enum markup {
    MARKUP_NONE,
    MARKUP_MARKDOWN,
};

/* Some sentences, to be printed as one paragraph. */
struct paragraph {
    char text[2048];
    size_t len;
};

static void add(struct paragraph *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct paragraph *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(p->text + p->len, sizeof p->text - p->len, fmt, args);
    va_end(args);
    assert(len >= 0 && (size_t)len < sizeof p->text - p->len);
    p->len += (size_t)len;
}

/* The texts of the table are Markdown: in a comment their backticks go; in Markdown what is meant
 * to be seen and stands outside of backticks is escaped. */
static void translate(struct paragraph *out, const char *text, enum markup markup)
{
    bool is_code = false;
    for (; *text != '\0'; text++) {
        is_code ^= *text == '`';
        if (markup == MARKUP_NONE && *text == '`')
            continue;
        if (markup == MARKUP_MARKDOWN && !is_code && strchr("*[]<>", *text))
            add(out, "\\");
        add(out, "%c", *text);
    }
}

/* Prints the paragraph in lines that begin with `margin`. */
static void print_paragraph(const char *text, enum markup markup, const char *margin, FILE *out)
{
    struct paragraph p = {.len = 0};
    translate(&p, text, markup);
    struct span rest = {p.text, p.len}, word;
    size_t column = 0;
    while (type_next_word(&rest, &word)) {
        bool fits = column > 0 && column + 1 + word.len <= COLUMNS;
        if (fits) {
            fprintf(out, " %.*s", SPAN_ARG(word));
            column += 1 + word.len;
            continue;
        }
        fprintf(out, "%s%s%.*s", column > 0 ? "\n" : "", margin, SPAN_ARG(word));
        column = strlen(margin) + word.len;
    }
    fputc('\n', out);
}

static void add_allowed(struct paragraph *p, const struct option *option)
{
    char text[256];
    options_allowed(option, text, sizeof text);
    add(p, "Allowed is %s.", text);
    if (option->needs_restart)
        add(p, " A change needs a restart.");
}

static bool is_unset(const struct option *option)
{
    return option->fallback && option->fallback[0] == '\0';
}

static void print_example_option(const struct section *kind, const struct option *option, FILE *out)
{
    struct paragraph p = {.len = 0};
    bool is_needed = kind->is_sample && !option->fallback;
    add(&p, "%s ", option->help);
    add_allowed(&p, option);
    if (is_unset(option))
        add(&p, " Not set by default.");
    print_paragraph(p.text, MARKUP_NONE, "# ", out);
    fprintf(out, "%s%s = %s\n\n", is_needed ? "" : "#", option->name,
            option->sample ? option->sample : option->fallback);
}

void config_print_example(FILE *out)
{
    print_paragraph("proxy.conf - the configuration of headstart.", MARKUP_NONE, "# ", out);
    fputs("#\n", out);
    print_paragraph("All options are here. Those behind \"#\" show their defaults, or an example "
                    "where there is none; those without it are the smallest configuration that "
                    "works. \"headstart -t\" checks this file, \"headstart --dump-config\" prints "
                    "what it comes to.",
                    MARKUP_NONE, "# ", out);
    fputc('\n', out);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct section *kind = &options_sections[i];
        bool is_optional = kind->sample_name && !kind->is_sample;
        print_paragraph(kind->help, MARKUP_NONE, "# ", out);
        if (i == SECTION_GLOBAL)
            fputc('\n', out);
        else
            fprintf(out, "%s%s\n\n", is_optional ? "#" : "",
                    source_label(kind, kind->sample_name).text);
        for (size_t j = 0; j < kind->options_len; j++)
            print_example_option(kind, &kind->options[j], out);
    }
}

static void print_reference_option(const struct option *option, FILE *out)
{
    struct paragraph p = {.len = 0};
    fprintf(out, "\n### `%s`\n\n", option->name);
    print_paragraph(option->help, MARKUP_MARKDOWN, "", out);
    if (!option->fallback)
        add(&p, "Must be given. ");
    else if (is_unset(option))
        add(&p, "Not set by default. ");
    else
        add(&p, "Default: `%s`. ", option->fallback);
    add_allowed(&p, option);
    fputc('\n', out);
    print_paragraph(p.text, MARKUP_MARKDOWN, "", out);
}

static const char *const FORMAT[] = {
    "`headstart` reads `/etc/headstart/proxy.conf`, or the file that `-c` names. "
    "`headstart -t` checks it, `headstart --dump-config` prints what it comes to.",
    "A line is a `[section]`, an `option = value`, or a comment, whose first character is `#`. All "
    "that follows the `=` is the value, but for the blanks around it, and it ends with its line. A "
    "comment behind a value is refused: within a word of a value `#` and `;` stand for themselves, "
    "but no word begins with one. A section whose header has a NAME (letters, digits, `-`, `_` and `.`) "
    "may be given many times, under different names; the others once, an option once in its "
    "section. Capital and small letters differ.",
    "A duration is a whole number and its unit, `250ms`, `5s`, `2m` or `1h`; a size a number of "
    "bytes, or with a unit `64k` or `1m` (of 1,024). A switch is `on` or `off`. A list is separated "
    "by blanks. A relative path begins in the folder of the file that it stands in.",
    "What is wrong is said in one line, `FILE:LINE: what is wrong and what is allowed`, and "
    "nothing starts.",
    "SIGHUP (`systemctl reload headstart`) reads the file anew, and the certificates that it names. "
    "New connections are served by it; those that are open are told to go (GOAWAY) once they have "
    "finished what they began, however long that takes. If anything is wrong, the log says so in "
    "one line and the running configuration stays as it is. A few options need a restart: it is "
    "said where they stand, and a reload that would change one is refused.",
};

static const char SMALLEST[] = "[listen main]\naddress = *:443\n\n"
                               "[certificate main]\nchain = cert.pem\nkey = key.pem\n\n"
                               "[origin app]\nurl = http://127.0.0.1:8080\n";

void config_print_reference(FILE *out)
{
    fputs("# Configuration\n", out);
    for (size_t i = 0; i < ARRAY_LEN(FORMAT); i++) {
        fputc('\n', out);
        print_paragraph(FORMAT[i], MARKUP_MARKDOWN, "", out);
    }
    fprintf(out, "\nThe smallest file:\n\n```ini\n%s```\n", SMALLEST);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct section *kind = &options_sections[i];
        struct source_label label = source_label(kind, kind->sample_name ? "NAME" : NULL);
        if (i == SECTION_GLOBAL)
            fputs("\n## Before the first section\n\n", out);
        else
            fprintf(out, "\n## `%s`\n\n", label.text);
        print_paragraph(kind->help, MARKUP_MARKDOWN, "", out);
        for (size_t j = 0; j < kind->options_len; j++)
            print_reference_option(&kind->options[j], out);
    }
}

/* The effective configuration as a proxy.conf. */
#include <assert.h>

#include "config/source.h"

static void dump_object(const struct section *kind, const void *object, FILE *out)
{
    for (size_t i = 0; i < kind->options_len; i++) {
        const struct option *option = &kind->options[i];
        const void *from = (const char *)object + option->offset;
        fprintf(out, "%s = ", option->name);
        option->type->print(option, from, out);
        fputc('\n', out);
    }
}

static bool is_self_signed(const struct section *kind, const void *object)
{
    const struct config_certificate *certificate = object;
    assert(object);
    return kind == &options_sections[SECTION_CERTIFICATE] && !certificate->chain;
}

static void dump_section(const struct section *kind, const struct config *c, FILE *out)
{
    for (size_t i = 0; i < options_objects(kind, c); i++) {
        const void *object = options_object(kind, c, i);
        const struct section_head *head = kind->sample_name ? object : NULL;
        if (kind->name[0] != '\0')
            fprintf(out, "\n%s\n", source_label(kind, head ? head->name : NULL).text);
        if (is_self_signed(kind, object))
            fputs("# self-signed, made at start; in a file name a chain and a key\n", out);
        else
            dump_object(kind, object, out);
    }
}

void config_dump(const struct config *c, FILE *out)
{
    for (size_t i = 0; i < SECTION_COUNT; i++)
        dump_section(&options_sections[i], c, out);
}

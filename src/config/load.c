/* Where a configuration comes from: a text, a file, or the command line. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/build.h"
#include "config/fault.h"

enum { FILE_BYTES_MAX = 1 << 20 };

static const char COMMAND_LINE[] = "command line";

struct folder {
    char path[2 * PATH_MAX];
};

/* The folder of `file`, absolute and without a slash at its end, so that "/" is empty. */
static bool folder_of(struct folder *out, const char *file, struct config_error *error)
{
    char cwd[PATH_MAX] = "";
    const char *slash = strrchr(file, '/');
    int len = slash ? (int)(slash - file) : 0;
    bool is_absolute = file[0] == '/';
    if (!is_absolute && !getcwd(cwd, sizeof cwd))
        return fault_at(error, file, 0,
                        "the working directory is not known (%s); name the file by "
                        "its absolute path",
                        strerror(errno));
    const char *base = strcmp(cwd, "/") == 0 ? "" : cwd;
    const char *between = is_absolute || len == 0 ? "" : "/";
    int written = snprintf(out->path, sizeof out->path, "%s%s%.*s", base, between, len, file);
    return (written >= 0 && (size_t)written < sizeof out->path) ||
           fault_at(error, file, 0, "the path is too long");
}

struct config *config_parse(struct span text, const char *file, struct config_error *error)
{
    struct source source;
    struct folder folder;
    struct config *c = NULL;
    source_init(&source, file);
    if (folder_of(&folder, file, error) && source_read(&source, text, error))
        c = build_config(&source, folder.path, error);
    source_fini(&source);
    return c;
}

/* Reads a whole file into `room` bytes at `to`; the number of bytes read, or -1 and errno. */
static ssize_t read_file(const char *path, char *to, size_t room)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    errno = EIO;
    size_t len = fread(to, 1, room, file);
    int why = ferror(file) ? errno : 0;
    fclose(file);
    errno = why;
    return why ? -1 : (ssize_t)len;
}

struct config *config_load(const char *path, struct config_error *error)
{
    struct config *c = NULL;
    char *text = mem_alloc(FILE_BYTES_MAX + 1);
    ssize_t len = text ? read_file(path, text, FILE_BYTES_MAX + 1) : 0;
    if (!text)
        fault_at(error, path, 0, "out of memory");
    else if (len < 0)
        fault_at(error, path, 0, "cannot be read: %s", strerror(errno));
    else if (len > FILE_BYTES_MAX)
        fault_at(error, path, 0, "the file has more than the %d bytes that are allowed",
                 FILE_BYTES_MAX);
    else
        c = config_parse(span_of(text, (size_t)len), path, error);
    mem_free(text);
    return c;
}

/* Adds a section with the values that the command line gives; a NULL value is left out. */
static bool add_flags(struct source *s, enum section_id id, const char *name,
                      const struct source_value *values, const char *const *options, size_t len)
{
    const struct section *kind = &options_sections[id];
    struct source_section *section = source_add(s, kind, span_str(name), 0);
    for (size_t i = 0; section && i < len; i++) {
        const struct option *option = options_find(kind, span_str(options[i]));
        if (values[i].is_given)
            section->values[option - kind->options] = values[i];
    }
    return section;
}

static struct source_value flag(const char *name, const char *value)
{
    return (struct source_value){
        .is_given = value, .flag = name, .text = span_str(value ? value : "")};
}

struct config *config_quick(const char *origin_url, const char *listen, const char *chain,
                            const char *key, struct config_error *error)
{
    struct source source;
    struct folder folder;
    struct config *c = NULL;
    if (!chain != !key) {
        fault_at(error, COMMAND_LINE, 0,
                 "--certificate and --key are given together or not at all");
        return NULL;
    }
    const struct source_value address = flag("--listen", listen ? listen : "127.0.0.1:8443");
    const struct source_value url = flag("--origin", origin_url);
    const struct source_value pair[] = {flag("--certificate", chain), flag("--key", key)};

    source_init(&source, COMMAND_LINE);
    bool has_all =
        add_flags(&source, SECTION_LISTEN, "main", &address, (const char *[]){"address"}, 1) &&
        add_flags(&source, SECTION_CERTIFICATE, "main", pair, (const char *[]){"chain", "key"},
                  ARRAY_LEN(pair)) &&
        add_flags(&source, SECTION_ORIGIN, "app", &url, (const char *[]){"url"}, 1);
    if (!has_all)
        fault_at(error, COMMAND_LINE, 0, "out of memory");
    else if (folder_of(&folder, COMMAND_LINE, error))
        c = build_config(&source, folder.path, error);
    source_fini(&source);
    return c;
}

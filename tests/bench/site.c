/* site.c - writes what the bench's origin serves.
 *   site DIR          the files, DIR/body/LENGTH-OFFSET (body.h)
 *   site links N      lines of nginx's configuration: one Link field with N preloads of 2 KB assets
 *   site ports N      N free ports of 127.0.0.1 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pattern.h"
#include "visitor.h"

enum { SITE_ASSET_BYTES = 2048, SITE_MAX_PORTS = 32, SITE_LINKS_A_WORD = 50 };

/* Besides the assets: LENGTH, and OFFSET 0. */
static const uint64_t site_lengths[] = {1024, 10240, 102400, 10485760};

static void site_write(int dir, uint64_t bytes, uint64_t offset)
{
    char name[64];
    snprintf(name, sizeof(name), "%llu-%llu", (unsigned long long)bytes,
             (unsigned long long)offset);
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    for (uint64_t done = 0; file && done < bytes;) {
        uint64_t n = bytes - done < PATTERN_PIECE ? bytes - done : PATTERN_PIECE;
        fwrite(pattern_at(offset + done), 1, (size_t)n, file);
        done += n;
    }
    if (!file || ferror(file) || fclose(file))
        dial_die("cannot write %s: %s", name, strerror(errno));
}

static void site_files(const char *root)
{
    int dir = -1;
    if (chdir(root) == 0 && (mkdir("body", 0755) == 0 || errno == EEXIST))
        dir = open("body", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        dial_die("cannot write to %s: %s", root, strerror(errno));
    for (size_t i = 0; i < sizeof(site_lengths) / sizeof(*site_lengths); i++)
        site_write(dir, site_lengths[i], 0);
    for (unsigned i = 0; i < VISITOR_MAX_PUSHES; i++)
        site_write(dir, SITE_ASSET_BYTES, i);
    close(dir);
}

/* nginx takes no word of more than 4 KiB, so the field is put together from variables. */
static void site_links(unsigned count)
{
    static const char *const kinds[] = {"style", "script", "image", "font"};
    for (unsigned i = 0; i < count; i++) {
        if (i % SITE_LINKS_A_WORD == 0)
            printf("%sset $links_%u \"", i ? ", \";\n" : "", i / SITE_LINKS_A_WORD);
        printf("%s</body/%d-%u>; rel=preload; as=%s", i % SITE_LINKS_A_WORD ? ", " : "",
               SITE_ASSET_BYTES, i, kinds[i % 4]);
    }
    printf("\";\nadd_header Link \"");
    for (unsigned i = 0; i < count; i += SITE_LINKS_A_WORD)
        printf("${links_%u}", i / SITE_LINKS_A_WORD);
    printf("\";\n");
}

/* All are open at once, so that none is named twice. */
static void site_ports(unsigned count)
{
    int sockets[SITE_MAX_PORTS];
    for (unsigned i = 0; i < count; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(at);
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(sockets[i], (struct sockaddr *)&at, sizeof(at)) ||
            getsockname(sockets[i], (struct sockaddr *)&at, &len))
            dial_die("no free port: %s", strerror(errno));
        printf("%u%s", ntohs(at.sin_port), i + 1 < count ? " " : "\n");
    }
    for (unsigned i = 0; i < count; i++)
        close(sockets[i]);
}

int main(int argc, char **argv)
{
    unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (argc == 3 && strcmp(argv[1], "links") == 0 && count <= VISITOR_MAX_PUSHES)
        site_links(count);
    else if (argc == 3 && strcmp(argv[1], "ports") == 0 && count <= SITE_MAX_PORTS)
        site_ports(count);
    else if (argc == 2)
        site_files(argv[1]);
    else
        dial_die("usage: site DIR | links N | ports N");
    return 0;
}

/* The real nginx as the origin, the real nghttp and curl as clients. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pattern.h"
#include "rig.h"

enum { DATA_BYTES = 60000 };

struct site {
    struct process *nginx;
    const char *base; /* "https://127.0.0.1:PORT" */
};

static struct site site;

static const char *write_site(struct rig *rig)
{
    const char *www = rig_text(rig, "%s/www", rig->dir);
    mkdir(www, 0755);
    chmod(rig->dir, 0755);
    check_write_file(rig_text(rig, "%s/index.html", www), "<!doctype html><title>t</title>\n");
    check_write_file(rig_text(rig, "%s/style.css", www), "body { color: black }\n");
    check_write_file(rig_text(rig, "%s/app.js", www), "void 0;\n");
    char *data = check_copy(pattern_at(0), DATA_BYTES);
    for (size_t i = 0; i < DATA_BYTES; i++)
        data[i] = (char)('a' + data[i] % 26);
    check_write_file(rig_text(rig, "%s/data.txt", www), data);
    free(data);
    return www;
}

static const char *nginx_conf(struct rig *rig, const char *www, const char *path)
{
    return rig_text(
        rig,
        "daemon off;\nmaster_process off;\npid %1$s/nginx.pid;\nerror_log %1$s/nginx.err;\n"
        "events {}\n"
        "http {\n  access_log off;\n  client_body_temp_path %1$s/t1;\n  proxy_temp_path %1$s/t2;\n"
        "  fastcgi_temp_path %1$s/t3;\n  uwsgi_temp_path %1$s/t4;\n  scgi_temp_path %1$s/t5;\n"
        "  types { text/html html; text/css css; text/javascript js; text/plain txt; }\n"
        "  server {\n    listen unix:%3$s;\n    root %2$s;\n"
        "    location = /index.html { add_header Link '</style.css>; rel=preload; as=style, "
        "</app.js>; rel=preload; as=script, <https://cdn.example/x.js>; rel=preload'; }\n"
        "  }\n}\n",
        rig->dir, www, path);
}

/* Waits until somebody listens on the unix socket. */
static void await_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    for (;;) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int result = connect(fd, (struct sockaddr *)&address, sizeof(address));
        close(fd);
        if (result == 0)
            return;
        if (check_left(deadline) == 0)
            fail_msg("nginx did not start");
        poll(NULL, 0, 5);
    }
}

static int set_up(void **state)
{
    if (rig_setup(state) != 0)
        return -1;
    struct rig *rig = *state;
    const char *path = rig_text(rig, "%s/nginx.sock", rig->dir);
    unlink(path);
    const char *conf = rig_text(rig, "%s/nginx.conf", rig->dir);
    check_write_file(conf, nginx_conf(rig, write_site(rig), path));
    const char *errors = rig_text(rig, "%s/nginx.err", rig->dir);
    site.nginx = process_start(
        (const char *const[]){"nginx", "-p", rig->dir, "-c", conf, "-e", errors, NULL}, rig->dir);
    await_socket(path);
    rig_daemon(rig, &(struct daemon_setup){
                        .conf = rig_text(rig, "[origin app]\nurl = http://unix:%s\n", path)});
    site.base = rig_text(rig, "https://127.0.0.1:%u", daemon_port(rig->daemon, 0));
    return 0;
}

static int tear_down(void **state)
{
    process_signal(site.nginx, SIGTERM);
    int status = process_wait(site.nginx, CHECK_SOON_MS);
    process_free(site.nginx);
    site.nginx = NULL;
    rig_teardown(state);
    return status == 0 ? 0 : -1;
}

/* Runs a client to its end; what it wrote to stdout. Free with free(). */
static char *run(struct rig *rig, const char *const *argv)
{
    struct process *client = process_start(argv, rig->dir);
    int status = process_wait(client, CHECK_SOON_MS);
    char *out = process_text(client, PROCESS_OUT);
    char *err = process_text(client, PROCESS_ERR);
    process_free(client);
    if (status != 0)
        fail_msg("%s ended with %d: %s%s", argv[0], status, out, err);
    free(err);
    return out;
}

static void nghttp_receives_the_pushes(void **state)
{
    struct rig *rig = *state;
    const char *url = rig_text(rig, "%s/index.html", site.base);
    char *out = run(rig, (const char *const[]){"nghttp", "-nv", url, NULL});
    check_holds(out, "recv PUSH_PROMISE frame");
    check_holds(out, ":path: /style.css");
    check_holds(out, ":path: /app.js");
    check_holds(out, "x-http2-push: pushed");
    check_holds(out, "cf-h2-pushed: </style.css>,</app.js>");
    check_holds(out, "link: <https://cdn.example/x.js>; rel=preload");
    check_lacks(out, "recv RST_STREAM");
    free(out);
}

static void curl_is_told_what_would_be_pushed(void **state)
{
    struct rig *rig = *state;
    const char *url = rig_text(rig, "%s/index.html", site.base);
    char *out = run(rig, (const char *const[]){"curl", "-sk", "--http2", "-D-", "-o", "/dev/null",
                                               "-H", "cf-h2-push-explain: 1", url, NULL});
    check_holds(out, "HTTP/2 200");
    check_holds(out, "cf-h2-push-explain: push=off;reason=client, </style.css>;verdict=would-push, "
                     "</app.js>;verdict=would-push, "
                     "<https://cdn.example/x.js>;verdict=cross-origin\r\n");
    check_holds(out, "link: </style.css>; rel=preload; as=style, </app.js>; rel=preload; "
                     "as=script, <https://cdn.example/x.js>; rel=preload\r\n");
    check_holds(out, "server: nginx");
    check_lacks(out, "cf-h2-pushed");
    free(out);
}

static void curl_gets_files_whole_and_in_part(void **state)
{
    struct rig *rig = *state;
    const char *url = rig_text(rig, "%s/data.txt", site.base);
    char *whole = check_read_file(rig_text(rig, "%s/www/data.txt", rig->dir));
    char *out = run(rig, (const char *const[]){"curl", "-sk", "--http2", url, NULL});
    check_text(out, whole);
    free(out);
    out = run(rig, (const char *const[]){"curl", "-sk", "--http2", "-r", "100-199", url, NULL});
    assert_int_equal(strlen(out), 100);
    assert_int_equal(strncmp(out, whole + 100, 100), 0);
    free(out);
    free(whole);
    url = rig_text(rig, "%s/missing", site.base);
    out = run(rig, (const char *const[]){"curl", "-sk", "--http2", "-o", "/dev/null", "-w",
                                         "%{http_code} %{http_version}", url, NULL});
    check_text(out, "404 2");
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nghttp_receives_the_pushes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(curl_is_told_what_would_be_pushed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(curl_gets_files_whole_and_in_part, set_up, tear_down),
    };
    return rig_run(tests);
}

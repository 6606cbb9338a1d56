/* `headstart demo`: the page is served, and its assets come with it. */
#include <stdlib.h>
#include <string.h>

#include "rig.h"

static void demo_page_comes_with_its_assets(void **state)
{
    struct rig *rig = *state;
    rig->daemon =
        daemon_start_with(rig->dir, (const char *const[]){"demo", "--listen", "127.0.0.1:0", NULL});
    struct peer_options options = {.wire.sni = "localhost"};
    struct peer *p = rig_peer(rig, &options);
    const char *authority = rig_text(rig, "127.0.0.1:%u", daemon_port(rig->daemon, 0));
    int32_t id = peer_send(p, &(struct peer_request){.authority = authority, .path = "/"});
    const struct peer_stream *page = peer_until_closed(p, id);
    peer_until_quiet(p);
    assert_int_equal(page->status, 200);
    check_holds(fieldset_get(&page->head, "content-type"), "text/html");
    check_holds(bytes_text(&page->body), "<!doctype html>");
    check_holds(fieldset_get(&page->head, "link"), "//cdn.example/");
    assert_non_null(fieldset_get(&page->head, "cf-h2-pushed"));

    size_t pushes = peer_pushes(p);
    assert_in_range(pushes, 5, 50);
    for (size_t n = 0; n < pushes; n++) {
        const struct peer_stream *asset = peer_push(p, n);
        const char *path = fieldset_get(&asset->promise, ":path");
        if (asset->status != 200 || asset->error != 0 || asset->body_bytes == 0)
            fail_msg("%s: status %u, error %u", path, asset->status, asset->error);
        check_text(fieldset_get(&asset->head, "x-http2-push"), "pushed");
        /* What is pushed is what the page asks for. */
        check_holds(bytes_text(&page->body), path);
    }
}

static void demo_takes_time_to_think(void **state)
{
    struct rig *rig = *state;
    rig->daemon =
        daemon_start_with(rig->dir, (const char *const[]){"demo", "--listen", "127.0.0.1:0", NULL});
    struct peer *p = rig_peer(rig, NULL);
    uint64_t start = check_now_ms();
    assert_int_equal(peer_fetch(p, "/")->status, 200);
    assert_true(check_now_ms() - start >= 290);
    assert_int_equal(peer_fetch(p, "/no-such-thing")->status, 404);
}

static void demo_says_how_to_look(void **state)
{
    struct rig *rig = *state;
    rig->daemon =
        daemon_start_with(rig->dir, (const char *const[]){"demo", "--listen", "127.0.0.1:0", NULL});
    const char *url = rig_text(rig, "https://127.0.0.1:%u", daemon_port(rig->daemon, 0));
    assert_true(daemon_prints(rig->daemon, "The access log follows.", CHECK_SOON_MS));
    char *out = daemon_output(rig->daemon), *err = daemon_messages(rig->daemon);
    const char *all = rig_text(rig, "%s%s", out, err);
    free(out);
    free(err);
    check_holds(all, url);
    check_holds(all, "nghttp -nvy");
    check_holds(all, "curl -sk");
    check_holds(all, "cf-h2-push-explain: 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(demo_page_comes_with_its_assets),
        RIG_TEST(demo_takes_time_to_think),
        RIG_TEST(demo_says_how_to_look),
    };
    return rig_run(tests);
}

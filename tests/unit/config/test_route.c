#include "fixture.h"

static const char ROUTES[] = FIXTURE_SMALLEST
    "[route any]\n[route any-api]\nmatch = /api\n[route star-img]\nmatch = */img/\n"
    "[route exact]\nmatch = www.Example.com/shop\n[route exact-deep]\nmatch = "
    "www.example.com/shop/cart\n"
    "[route wild]\nmatch = *.example.com/\n[route wilder]\nmatch = *.a.example.com/\n"
    "[route v6]\nmatch = [::1]/\n[route v6-long]\nmatch = [2001:0DB8:0::0001]/\n[route rooted]\nmatch = Rooted.org.\n[route dot]\nmatch = www.example.com/.\n";

struct route_case {
    const char *host, *target, *route;
};

static const struct route_case CASES[] = {
    /* any host, longest prefix */
    {"other.org", "/", "any"},
    {"", "/", "any"},
    {"other.org", "/api", "any-api"},
    {"other.org", "/api2?x=/img/", "any-api"},
    {"other.org", "/ap", "any"},
    {"other.org", "/?/api", "any"},
    {"other.org", "/API", "any"},
    {"other.org", "/img", "any"},
    {"other.org", "/img/a.png", "star-img"},
    /* the host's own name goes before wildcards and any, but only for its prefixes */
    {"www.example.com", "/shop", "exact"},
    {"WWW.EXAMPLE.COM", "/shopping", "exact"},
    {"www.example.com.", "/shop/cart?id=1", "exact-deep"},
    {"www.example.com", "/other", "wild"},
    {"www.example.com", "/api", "wild"},
    {"www.example.com", "/.well-known", "dot"},
    /* wildcards: the longest first, at a dot, never the name itself */
    {"b.example.com", "/api", "wild"},
    {"x.y.example.com", "/", "wild"},
    {"b.a.example.com", "/", "wilder"},
    {"a.example.com", "/", "wild"},
    {"example.com", "/", "any"},
    {".example.com", "/", "any"},
    {"badexample.com", "/", "any"},
    /* forms */
    {"[::1]", "/", "v6"},
    {"[0:0::0:1]", "/", "v6"},
    {"[::2]", "/", "any"},
    {"[2001:db8::1]", "/", "v6-long"},
    {"www%2eEx%61mple.com", "/shop", "exact"},
    {"www.example.com%2E", "/shop", "exact"},
    {"%78.example.com", "/", "wild"},
    {"%2eexample.com", "/", "any"},
    {"rooted.org", "/", "rooted"},
    {"rooted.org.", "/", "rooted"},
    {"www.example.com", "*", "wild"},
    {"other.org", "*", "any"},
};

static void most_exact_host_then_longest_prefix_wins(void **state)
{
    (void)state;
    struct config *c = fixture_config(ROUTES);
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        const struct config_route *route =
            config_route(c, span_str(CASES[i].host), span_str(CASES[i].target));
        assert_non_null(route);
        if (strcmp(route->name, CASES[i].route) != 0)
            fail_msg("%s%s takes %s, not %s", CASES[i].host, CASES[i].target, route->name,
                     CASES[i].route);
    }
    config_free(c);
}

static void order_of_routes_does_not_matter(void **state)
{
    (void)state;
    struct config *c = fixture_config(ROUTES);
    for (size_t i = 0, j = c->routes_len - 1; i < j; i++, j--) {
        struct config_route swapped = c->routes[i];
        c->routes[i] = c->routes[j];
        c->routes[j] = swapped;
    }
    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        assert_string_equal(
            config_route(c, span_str(CASES[i].host), span_str(CASES[i].target))->name,
            CASES[i].route);
    config_free(c);
}

static void request_that_nothing_matches_has_no_route(void **state)
{
    (void)state;
    struct config *c =
        fixture_config(FIXTURE_SMALLEST "[route a]\nmatch = example.com/a\n[route b]\nmatch = "
                                        "*.example.com/b\n");
    assert_null(config_route(c, SPAN("example.com"), SPAN("/")));
    assert_null(config_route(c, SPAN("example.com"), SPAN("*")));
    assert_null(config_route(c, SPAN("example.org"), SPAN("/a")));
    assert_null(config_route(c, SPAN(""), SPAN("/a")));
    assert_null(config_route(c, SPAN("x.example.com"), SPAN("/a")));
    assert_non_null(config_route(c, SPAN("x.example.com"), SPAN("/b")));
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_exact_host_then_longest_prefix_wins),
        cmocka_unit_test(order_of_routes_does_not_matter),
        cmocka_unit_test(request_that_nothing_matches_has_no_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

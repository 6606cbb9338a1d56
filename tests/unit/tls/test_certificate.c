#include "fixture.h"

#include "tls/certificate.h"

/* The files that the cases below name. */
static struct fixture_folder folder;
static struct fixture_pair pair, other;

static void copy(FILE *out, const char *path, long max)
{
    FILE *in = fopen(path, "re");
    assert_non_null(in);
    for (int c; max != 0 && (c = fgetc(in)) != EOF; max--)
        fputc(c, out);
    fclose(in);
}

static void write_encrypted_key(const char *name, bool traditional)
{
    FILE *out = fopen(fixture_path(&folder, name), "we");
    assert_non_null(out);
    int done =
        traditional
            ? PEM_write_PrivateKey_ex(out, pair.key, EVP_aes_128_cbc(),
                                      (const unsigned char *)"secret", 6, NULL, NULL, NULL, NULL)
            : PEM_write_PKCS8PrivateKey(out, pair.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
    assert_int_equal(done, 1);
    fclose(out);
}

static int make_files(void **state)
{
    (void)state;
    fixture_folder_init(&folder);
    pair = fixture_pair(&folder, "good", "DNS:good.example", -1, 30);
    other = fixture_pair(&folder, "other", NULL, -1, 30);
    fixture_text(&folder, "empty.pem", "");
    fixture_text(&folder, "text.pem", "hello\n");
    fixture_text(&folder, "locked.pem", "");
    chmod(folder.files[folder.len - 1], 0);
    write_encrypted_key("pkcs8.key", false);
    write_encrypted_key("traditional.key", true);

    FILE *out = fopen(fixture_path(&folder, "cut.pem"), "we");
    assert_non_null(out);
    copy(out, pair.chain_path, -1);
    copy(out, other.chain_path, 200);
    fclose(out);
    out = fopen(fixture_path(&folder, "two.pem"), "we");
    assert_non_null(out);
    copy(out, pair.chain_path, -1);
    copy(out, other.chain_path, -1);
    fclose(out);
    return 0;
}

static int drop_files(void **state)
{
    (void)state;
    fixture_pair_fini(&pair);
    fixture_pair_fini(&other);
    fixture_folder_fini(&folder);
    return 0;
}

/* Loads the certificate of these files of the folder; the error's text without the folder. */
static bool load(struct certificate *out, const char *chain, const char *key, char *text,
                 size_t size)
{
    char chain_path[FIXTURE_PATH_BYTES], key_path[FIXTURE_PATH_BYTES];
    snprintf(chain_path, sizeof chain_path, "%s/%s", folder.path, chain);
    snprintf(key_path, sizeof key_path, "%s/%s", folder.path, key ? key : "");
    const struct config_certificate section = {"shop", 7, chain_path, key ? key_path : NULL};
    const struct certificate_source from = {"proxy.conf", &section};
    struct tls_error error = {""};
    bool loaded = certificate_load(out, &from, &error);

    char *to = text;
    for (const char *at = error.text; *at && to + 1 < text + size;) {
        if (strncmp(at, folder.path, strlen(folder.path)) == 0)
            at += strlen(folder.path) + 1;
        else
            *to++ = *at++;
    }
    *to = '\0';
    return loaded;
}

static void every_fault_has_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *chain, *key, *text;
    } cases[] = {
        {"none.pem", "good.key", "chain none.pem: No such file or directory"},
        {"good.pem", "none.key", "key none.key: No such file or directory"},
        {"good.pem", NULL, "chain good.pem: the option `key` is missing"},
        {".", "good.key", "chain .: Is a directory"},
        {"empty.pem", "good.key",
         "chain empty.pem: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"},
        {"text.pem", "good.key",
         "chain text.pem: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"},
        {"good.key", "good.key",
         "chain good.key: holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"},
        {"cut.pem", "good.key", "chain cut.pem: certificate 2 of the file is broken: bad end line"},
        {"good.pem", "text.pem",
         "key text.pem: holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"},
        {"good.pem", "good.pem",
         "key good.pem: holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"},
        {"good.pem", "pkcs8.key",
         "key pkcs8.key: is encrypted, and there is nobody to ask for the passphrase; decrypt it "
         "with `openssl pkey`"},
        {"good.pem", "traditional.key",
         "key traditional.key: is encrypted, and there is nobody to ask for the passphrase; "
         "decrypt it with `openssl pkey`"},
        {"good.pem", "other.key",
         "key other.key: does not belong to the first certificate in "
         "good.pem"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct certificate c;
        char text[TLS_ERROR_BYTES], expected[TLS_ERROR_BYTES];
        assert_false(load(&c, cases[i].chain, cases[i].key, text, sizeof text));
        snprintf(expected, sizeof expected, "proxy.conf:7: [certificate shop]: %s", cases[i].text);
        assert_string_equal(text, expected);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void a_file_that_may_not_be_read_says_who_must_be_able_to(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        /* root reads everything, nobody does not */
        assert_int_equal(chmod(folder.path, 0755), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    struct certificate c;
    char text[TLS_ERROR_BYTES];
    bool loaded = load(&c, "locked.pem", "good.key", text, sizeof text);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_false(loaded);
    assert_string_equal(text, "proxy.conf:7: [certificate shop]: chain locked.pem: Permission "
                              "denied; the user that headstart runs as must be able to read it");
}

static void a_section_without_a_file_is_not_given_a_line(void **state)
{
    (void)state;
    const struct config_certificate section = {"x", 0, "/nowhere/x.pem", "/nowhere/x.key"};
    const struct certificate_source from = {"command line", &section};
    struct certificate c;
    struct tls_error error;
    assert_false(certificate_load(&c, &from, &error));
    assert_string_equal(
        error.text, "command line: certificate: chain /nowhere/x.pem: No such file or directory");
}

static void a_long_path_does_not_overflow_the_line(void **state)
{
    (void)state;
    char path[2000];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    const struct config_certificate section = {path, 7, path, path};
    const struct certificate_source from = {path, &section};
    struct certificate c;
    struct tls_error error;
    assert_false(certificate_load(&c, &from, &error));
    assert_true(strlen(error.text) < TLS_ERROR_BYTES);
}

static void the_first_certificate_is_the_leaf_and_the_others_its_chain(void **state)
{
    (void)state;
    struct certificate c;
    char text[TLS_ERROR_BYTES];
    assert_true(load(&c, "two.pem", "good.key", text, sizeof text));
    assert_int_equal(X509_cmp(c.leaf, pair.certificate), 0);
    assert_int_equal(sk_X509_num(c.chain), 1);
    assert_int_equal(X509_cmp(sk_X509_value(c.chain, 0), other.certificate), 0);
    certificate_fini(&c);
}

/* What the log says on stderr while the certificate is loaded. */
static void load_and_read_log(const char *name, char *text, size_t size)
{
    int pipe_fds[2];
    int saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipe_fds), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    close(pipe_fds[1]);
    char chain[64], key[64], error[TLS_ERROR_BYTES];
    snprintf(chain, sizeof chain, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    struct certificate c;
    bool loaded = load(&c, chain, key, error, sizeof error);
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t n = read(pipe_fds[0], text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    close(pipe_fds[0]);
    assert_true(loaded);
    certificate_fini(&c);
}

static void one_that_is_not_valid_today_is_warned_of_and_loaded(void **state)
{
    (void)state;
    char text[4096];
    struct fixture_pair expired = fixture_pair(&folder, "expired", NULL, -30, -1);
    load_and_read_log("expired", text, sizeof text);
    assert_non_null(strstr(text, "proxy.conf:7: [certificate shop]: chain "));
    assert_non_null(strstr(text, "expired.pem: the certificate expired on 2"));
    fixture_pair_fini(&expired);

    struct fixture_pair early = fixture_pair(&folder, "early", NULL, 2, 30);
    load_and_read_log("early", text, sizeof text);
    assert_non_null(strstr(text, "early.pem: the certificate is not valid before 2"));
    fixture_pair_fini(&early);

    load_and_read_log("good", text, sizeof text);
    assert_string_equal(text, "");
}

static void names_match_as_rfc_6125_says(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool named, covered;
    } cases[] = {
        {"a.example", true, false},      {"A.EXAMPLE", true, false},
        {"a.example.", false, false},    {"x.a.example", false, false},
        {"example", false, false},       {"www.b.example", false, true},
        {"WWW.B.Example", false, true},  {"b.example", false, false},
        {".b.example", false, false},    {"x.www.b.example", false, false},
        {"www.c.example", false, false}, {"", false, false},
        {"c.example", false, false},     {"127.0.0.1", false, false},
        {"fx.f.example", false, false},
    };
    struct fixture_pair names = fixture_pair(
        &folder, "names",
        "DNS:a.example,DNS:*.b.example,DNS:w*.c.example,IP:127.0.0.1,DNS:f*.f.example", -1, 30);
    struct certificate c;
    char text[TLS_ERROR_BYTES];
    assert_true(load(&c, "names.pem", "names.key", text, sizeof text));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span name = span_str(cases[i].name);
        assert_int_equal(certificate_names(&c, name), cases[i].named);
        assert_int_equal(certificate_covers(&c, name), cases[i].covered);
    }
    certificate_fini(&c);
    fixture_pair_fini(&names);
}

static void hosts_of_routes_are_served_by_names_and_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool served;
    } cases[] = {
        {"a.example", true},
        {"A.Example", true},
        {"x.a.example", false},
        {"www.b.example", true},
        {"b.example", false},
        {"x.www.b.example", false},
        {"*.b.example", true},
        {"*.a.example", false},
        {"*.www.b.example", false},
        {"*.example", true},
        {"*.other", false},
        {"127.0.0.1", true},
        {"127.0.0.2", false},
        {"[::1]", true},
        {"[0:0::1]", true},
        {"[::2]", false},
        {"127.0.0", false},
        {"", false},
        {"*.xample", false},
        {"[]", false},
        {"a-name-that-is-longer-than-any-address-is-written-anywhere.example", false},
    };
    struct fixture_pair names = fixture_pair(
        &folder, "served", "DNS:a.example,DNS:*.b.example,IP:127.0.0.1,IP:::1", -1, 30);
    struct certificate c;
    char text[TLS_ERROR_BYTES];
    assert_true(load(&c, "served.pem", "served.key", text, sizeof text));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (certificate_serves(&c, span_str(cases[i].host)) != cases[i].served)
            fail_msg("%s", cases[i].host);
    }
    assert_int_equal(ERR_peek_error(), 0);
    certificate_fini(&c);
    fixture_pair_fini(&names);
}

static void names_are_printed_as_far_as_there_is_room(void **state)
{
    (void)state;
    static const char all[] = "a.example, *.b.example, 127.0.0.1, ::1, c?d?";
    static const char *const ends[] = {"", "a.example", "a.example, *.b.example",
                                       "a.example, *.b.example, 127.0.0.1",
                                       "a.example, *.b.example, 127.0.0.1, ::1"};
    struct fixture_pair names = fixture_pair(
        &folder, "printed",
        "DNS:a.example,DNS:*.b.example,email:a@b,IP:127.0.0.1,IP:::1,DNS:c\nd\177", -1, 30);
    struct certificate c;
    char text[TLS_ERROR_BYTES];
    assert_true(load(&c, "printed.pem", "printed.key", text, sizeof text));
    certificate_print_names(&c, text, sizeof text);
    assert_string_equal(text, all);
    for (size_t room = sizeof ", ..."; room < sizeof all; room++) {
        size_t n = ARRAY_LEN(ends);
        certificate_print_names(&c, text, room);
        char *dots = strstr(text, text[0] == '.' ? "..." : ", ...");
        assert_non_null(dots);
        *dots = '\0';
        while (n > 0 && strcmp(text, ends[n - 1]) != 0)
            n--;
        assert_true(n > 0);
    }
    certificate_fini(&c);
    fixture_pair_fini(&names);

    assert_true(load(&c, "other.pem", "other.key", text, sizeof text));
    certificate_print_names(&c, text, sizeof text);
    assert_string_equal(text, "no name");
    assert_false(certificate_serves(&c, SPAN("other")));
    certificate_fini(&c);
}

/* An address of one byte, which OpenSSL reads as it stands. */
static void an_address_of_no_known_length_is_shown_as_what_it_is_not(void **state)
{
    (void)state;
    struct fixture_pair odd = fixture_pair(&folder, "odd", "DER:30:03:87:01:01", -1, 30);
    struct certificate c;
    char text[TLS_ERROR_BYTES];
    assert_true(load(&c, "odd.pem", "odd.key", text, sizeof text));
    certificate_print_names(&c, text, sizeof text);
    assert_string_equal(text, "?");
    assert_false(certificate_serves(&c, SPAN("1.0.0.0")));
    certificate_fini(&c);
    fixture_pair_fini(&odd);
}

static void one_without_names_matches_nothing(void **state)
{
    (void)state;
    struct certificate c;
    char text[TLS_ERROR_BYTES];
    assert_true(load(&c, "other.pem", "other.key", text, sizeof text));
    assert_false(certificate_names(&c, SPAN("other")));
    assert_false(certificate_covers(&c, SPAN("other")));
    certificate_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_its_line),
        cmocka_unit_test(a_file_that_may_not_be_read_says_who_must_be_able_to),
        cmocka_unit_test(a_section_without_a_file_is_not_given_a_line),
        cmocka_unit_test(a_long_path_does_not_overflow_the_line),
        cmocka_unit_test(the_first_certificate_is_the_leaf_and_the_others_its_chain),
        cmocka_unit_test(one_that_is_not_valid_today_is_warned_of_and_loaded),
        cmocka_unit_test(names_match_as_rfc_6125_says),
        cmocka_unit_test(hosts_of_routes_are_served_by_names_and_addresses),
        cmocka_unit_test(names_are_printed_as_far_as_there_is_room),
        cmocka_unit_test(an_address_of_no_known_length_is_shown_as_what_it_is_not),
        cmocka_unit_test(one_without_names_matches_nothing),
    };
    return cmocka_run_group_tests(tests, make_files, drop_files);
}

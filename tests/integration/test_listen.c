/* Where the daemon listens, and as whom: unix sockets, their mode and group, and what is opened
 * before root is given up. */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rig.h"

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A configuration with a unix socket beside the listener of all tests. */
static const char *door_conf(struct rig *rig, const char *options)
{
    return rig_text(rig,
                    "[origin app]\nurl = http://127.0.0.1:8080\n"
                    "[listen door]\naddress = unix:door.sock\n%s",
                    options);
}

static const char *door(struct rig *rig)
{
    const char *path = rig_text(rig, "%s/door.sock", rig->dir);
    unlink(path);
    return path;
}

static int open_unix(const char *path, int (*attach)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    if (attach(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool accepts(const char *path)
{
    int fd = open_unix(path, connect);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void mode_does_not_depend_on_the_umask(void **state)
{
    static const struct {
        const char *option;
        mode_t umask, mode;
    } cases[] = {{"", 0027, 0666},
                 {"", 0777, 0666},
                 {"mode = 0660\n", 0, 0660},
                 {"mode = 600\n", 0, 0600},
                 {"mode = 0777\n", 0077, 0777}};
    struct rig *rig = *state;
    const char *path = door(rig);
    for (size_t i = 0; i < CHECK_LEN(cases); i++) {
        struct stat st;
        daemon_write_conf(rig->dir,
                          &(struct daemon_setup){.conf = door_conf(rig, cases[i].option)});
        mode_t before = umask(cases[i].umask);
        rig->daemon = daemon_start_with(rig->dir, ARGS("-c", "proxy.conf"));
        umask(before);
        assert_int_equal(stat(path, &st), 0);
        assert_true(S_ISSOCK(st.st_mode));
        if ((st.st_mode & 07777) != cases[i].mode)
            fail_msg("%sgives 0%o", cases[i].option, st.st_mode & 07777);
        assert_true(accepts(path));
        rig_stop_daemon(rig);
        assert_int_not_equal(stat(path, &st), 0);
    }
}

static void socket_gets_its_group(void **state)
{
    struct rig *rig = *state;
    const char *path = door(rig);
    gid_t gid = getgid();
    const char *options[] = {rig_text(rig, "mode = 0660\ngroup = %u\n", gid),
                             rig_text(rig, "mode = 0660\ngroup = %s\n", getgrgid(gid)->gr_name),
                             "mode = 0660\ngroup = nogroup\n"};
    size_t cases = getuid() == 0 ? 3 : 2;
    for (size_t i = 0; i < cases; i++) {
        struct stat st;
        rig_daemon(rig, &(struct daemon_setup){.conf = door_conf(rig, options[i])});
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0660);
        assert_int_equal(st.st_gid, i < 2 ? gid : getgrnam("nogroup")->gr_gid);
        rig_stop_daemon(rig);
    }
}

static void group_that_does_not_exist_is_refused(void **state)
{
    struct rig *rig = *state;
    static const char *const confs[] = {"group = no-such-group\n",
                                        "[admin]\naddress = unix:a\ngroup = no-such-group\n"};
    for (size_t i = 0; i < CHECK_LEN(confs); i++) {
        char *err;
        daemon_write_conf(rig->dir, &(struct daemon_setup){.conf = door_conf(rig, confs[i])});
        assert_int_equal(daemon_run(rig->dir, ARGS("-t", "-c", "proxy.conf"), NULL, &err), 1);
        check_holds(err, "group = no-such-group: there is no such group\n");
        assert_ptr_equal(strchr(err, '\n'), err + strlen(err) - 1);
        free(err);
    }
}

/* The daemon does not start, says so, and the file stays. */
static void check_refused(struct rig *rig, const char *path, const char *says)
{
    struct stat before, after;
    char *err;
    assert_int_equal(lstat(path, &before), 0);
    daemon_write_conf(rig->dir, &(struct daemon_setup){.conf = door_conf(rig, "")});
    assert_int_equal(daemon_run(rig->dir, ARGS("-c", "proxy.conf"), NULL, &err), 3);
    check_holds(err, says);
    free(err);
    assert_int_equal(lstat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_size == after.st_size);
}

static void socket_left_over_is_replaced(void **state)
{
    struct rig *rig = *state;
    const char *path = door(rig);
    int fd = open_unix(path, bind);
    assert_true(fd >= 0);
    close(fd);
    assert_false(accepts(path));
    rig_daemon(rig, &(struct daemon_setup){.conf = door_conf(rig, "")});
    assert_true(accepts(path));
}

static void socket_in_use_is_refused(void **state)
{
    struct rig *rig = *state;
    const char *path = door(rig);
    int fd = open_unix(path, bind);
    assert_int_equal(listen(fd, 0), 0);
    check_refused(rig, path, "another program listens there");
    /* The first try has filled the queue, which is no reason to wait, or to take the place. */
    check_refused(rig, path, "another program listens there");
    close(fd);
    unlink(path);
}

static void file_that_is_no_socket_is_never_removed(void **state)
{
    struct rig *rig = *state;
    const char *path = door(rig);
    check_write_file(path, "precious");
    check_refused(rig, path, "a file that is no socket is there");
    unlink(path);
    assert_int_equal(symlink("gone", path), 0);
    check_refused(rig, path, "a file that is no socket is there");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    check_refused(rig, path, "a file that is no socket is there");
    rmdir(path);
}

/* Another process may have taken the place meanwhile: what is there is not ours to remove. */
static void socket_of_another_is_left_alone(void **state)
{
    struct rig *rig = *state;
    const char *path = door(rig);
    rig_daemon(rig, &(struct daemon_setup){.conf = door_conf(rig, "")});
    unlink(path);
    int fd = open_unix(path, bind);
    assert_int_equal(listen(fd, 1), 0);
    rig_stop_daemon(rig);
    assert_true(accepts(path));
    close(fd);
    unlink(path);
}

static void folder_that_is_missing_is_said(void **state)
{
    struct rig *rig = *state;
    char *err;
    daemon_write_conf(
        rig->dir, &(struct daemon_setup){.conf = "[origin app]\nurl = http://127.0.0.1:8080\n"
                                                 "[listen door]\naddress = unix:none/door.sock\n"});
    assert_int_equal(daemon_run(rig->dir, ARGS("-c", "proxy.conf"), NULL, &err), 3);
    check_holds(err, "none/door.sock: No such file or directory; its folder must exist\n");
    free(err);
}

static void check_warning(struct rig *rig, const char *top, bool warns)
{
    char *err;
    daemon_write_conf(
        rig->dir,
        &(struct daemon_setup){.top = top, .conf = "[origin app]\nurl = http://127.0.0.1:8080\n"});
    assert_int_equal(daemon_run(rig->dir, ARGS("-t", "-c", "proxy.conf"), NULL, &err), 0);
    if (warns)
        check_holds(err, "without a user, it serves clients as root: set `user` in ");
    else
        check_lacks(err, "root");
    free(err);
}

static void root_without_a_user_is_warned_of(void **state)
{
    struct rig *rig = *state;
    bool is_root = getuid() == 0;
    check_warning(rig, "workers = 1", is_root);
    check_warning(rig, "user = nobody", false);
    check_warning(rig, "user = root", false);
    rig_start(rig, "");
    char *messages = daemon_messages(rig->daemon);
    const char *first = strstr(messages, "clients as root");
    assert_int_equal(first != NULL, is_root);
    assert_null(first ? strstr(first + 1, "clients as root") : NULL);
    free(messages);
}

static void user_that_does_not_exist_is_refused_by_the_check(void **state)
{
    struct rig *rig = *state;
    char *err;
    daemon_write_conf(
        rig->dir, &(struct daemon_setup){.top = "user = no-such-user",
                                         .conf = "[origin app]\nurl = http://127.0.0.1:8080\n"});
    assert_int_equal(daemon_run(rig->dir, ARGS("-t", "-c", "proxy.conf"), NULL, &err), 1);
    check_holds(err, "proxy.conf: user = no-such-user: there is no such user\n");
    free(err);
}

static bool has_lines(const char *path)
{
    uint64_t deadline = check_deadline(CHECK_SOON_MS);
    do {
        char *text = check_read_file(path);
        bool has = text && strchr(text, '\n');
        free(text);
        if (has)
            return true;
        poll(NULL, 0, 5);
    } while (check_left(deadline) > 0);
    return false;
}

/* A folder that everybody may search and only root may write to, as /var/log. */
static const char *log_folder(struct rig *rig)
{
    const char *folder = rig_text(rig, "%s/log", rig->dir);
    assert_true(mkdir(folder, 0755) == 0 || errno == EEXIST);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(rig->dir, 0755), 0);
    return folder;
}

static void user_gets_the_log_and_sockets_that_only_root_can_make(void **state)
{
    struct rig *rig = *state;
    if (getuid() != 0)
        skip();
    const struct passwd *nobody = getpwnam("nobody");
    const char *path = rig_text(rig, "%s/access.log", log_folder(rig));
    struct stub *stub = rig_stub(rig, NULL);
    struct stat st;
    unlink(path);
    rig_daemon(rig,
               &(struct daemon_setup){
                   .top = "workers = 2\nuser = nobody",
                   .conf = rig_text(rig, "[origin app]\n%s[admin]\naddress = unix:log/a.sock\n",
                                    rig_url(rig, stub)),
                   .access = path});
    assert_int_equal(daemon_number(rig->daemon, "status", "Uid:\t"), nobody->pw_uid);
    assert_int_equal(peer_fetch(rig_peer(rig, NULL), "/")->status, 200);
    assert_true(has_lines(path));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, nobody->pw_uid);
    assert_int_equal(st.st_mode & 07777, 0640);
}

/* A link that somebody put in the log's place gives nothing away. */
static void user_gets_no_file_behind_a_link(void **state)
{
    struct rig *rig = *state;
    if (getuid() != 0)
        skip();
    const char *path = rig_text(rig, "%s/link.log", log_folder(rig));
    const char *secret = rig_text(rig, "%s/secret", rig->dir);
    check_write_file(secret, "precious");
    assert_int_equal(chmod(secret, 0600), 0);
    unlink(path);
    for (int hard = 0; hard < 2; hard++) {
        struct stat st;
        char *err;
        assert_int_equal(hard ? link(secret, path) : symlink(secret, path), 0);
        daemon_write_conf(
            rig->dir, &(struct daemon_setup){.top = "user = nobody",
                                             .conf = "[origin app]\nurl = http://127.0.0.1:8080\n",
                                             .access = path});
        assert_int_equal(daemon_run(rig->dir, ARGS("-c", "proxy.conf"), NULL, &err), 3);
        check_holds(err, "link.log cannot be opened: Permission denied");
        free(err);
        assert_int_equal(stat(secret, &st), 0);
        assert_int_equal(st.st_uid, 0);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(mode_does_not_depend_on_the_umask),
        RIG_TEST(socket_gets_its_group),
        RIG_TEST(group_that_does_not_exist_is_refused),
        RIG_TEST(socket_left_over_is_replaced),
        RIG_TEST(socket_in_use_is_refused),
        RIG_TEST(file_that_is_no_socket_is_never_removed),
        RIG_TEST(socket_of_another_is_left_alone),
        RIG_TEST(folder_that_is_missing_is_said),
        RIG_TEST(root_without_a_user_is_warned_of),
        RIG_TEST(user_that_does_not_exist_is_refused_by_the_check),
        RIG_TEST(user_gets_the_log_and_sockets_that_only_root_can_make),
        RIG_TEST(user_gets_no_file_behind_a_link),
    };
    return rig_run(tests);
}

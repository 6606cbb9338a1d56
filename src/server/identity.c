#include "server/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/span.h"
#include "config/fault.h"

bool identity_group(const char *name, gid_t *gid)
{
    uint64_t number;
    if (span_to_u64(span_str(name), (gid_t)-2, &number)) {
        *gid = (gid_t)number;
        return true;
    }
    const struct group *group = getgrnam(name);
    if (group)
        *gid = group->gr_gid;
    return group;
}

/* NULL, and what is wrong in `*why`. */
static const struct passwd *find_user(const char *name, const char **why)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    *why = errno ? strerrordesc_np(errno) : "there is no such user";
    return user;
}

/* The group of a unix socket, where one is named. */
static bool check_group(const struct config *config, unsigned line, const char *section,
                        const struct config_access *access, struct config_error *error)
{
    gid_t gid;
    return !access->group || identity_group(access->group, &gid) ||
           fault_at(error, config->file, line, "%s group = %s: there is no such group", section,
                    access->group);
}

bool identity_check(const struct config *config, struct config_error *error)
{
    const char *why;
    if (config->user && !find_user(config->user, &why))
        return fault_at(error, config->file, 0, "user = %s: %s", config->user, why);
    for (size_t i = 0; i < config->listens_len; i++) {
        const struct config_listen *l = &config->listens[i];
        char section[128];
        snprintf(section, sizeof section, "[listen %s]", l->name);
        if (!check_group(config, l->line, section, &l->access, error))
            return false;
    }
    return check_group(config, 0, "[admin]", &config->admin.access, error);
}

void identity_warn(const struct config *config)
{
    if (geteuid() != 0 || config->user)
        return;
    if (config->listens[0].line > 0)
        log_warning(
            "started as root without a user, it serves clients as root: set `user` in %s, or "
            "start it as another user, as the systemd unit does",
            config->file);
    else
        log_warning(
            "started as root, it serves clients as root: start it as another user, or with a "
            "file that sets `user`");
}

/* Only a plain file with one name is given away, and no link is followed: whoever may write to its
 * folder could have put another file in its place. What cannot be opened here, the user will not be
 * able to open either, and says so. */
static void give_log_to(const struct passwd *user, const char *path)
{
    struct stat st;
    if (path[0] != '/')
        return; /* "stdout", "off" */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0)
        return;
    bool is_plain = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
    if (is_plain && st.st_uid != user->pw_uid && fchown(fd, user->pw_uid, (gid_t)-1) != 0)
        log_warning("the access log %s cannot be given to the user %s: %s", path, user->pw_name,
                    strerrordesc_np(errno));
    close(fd);
}

bool identity_assume(const struct config *config)
{
    const char *name = config->user, *why;
    if (!name)
        return true;
    const struct passwd *user = find_user(name, &why);
    if (!user) {
        log_error("user = %s: %s", name, why);
        return false;
    }
    if (getuid() == user->pw_uid)
        return true;
    give_log_to(user, config->log.access);
    if (initgroups(name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 &&
        setuid(user->pw_uid) == 0)
        return true;
    log_error("cannot become the user %s: %s; start as root, or leave the option out", name,
              strerrordesc_np(errno));
    return false;
}

#include "server/socketfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "server/identity.h"

/* Nobody but the process's own user may connect until the group and the mode are set. */
enum { UMASK_OF_BIND = 0177 };

static const char *path_of(const struct config_address *address)
{
    return ((const struct sockaddr_un *)&address->storage)->sun_path;
}

static int open_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool fail(const struct config_address *address, const char *why, const char *to_do)
{
    log_error("cannot listen on %s: %s; %s", address->text, why, to_do);
    return false;
}

/* What a connection to the socket comes to: 0 where somebody takes it, or else errno. A queue that
 * is full is somebody's. */
static int knock(const struct config_address *address)
{
    int fd = open_socket();
    if (fd < 0)
        return errno;
    int code = connect(fd, (const struct sockaddr *)&address->storage, address->len) ? errno : 0;
    close(fd);
    return code == EAGAIN ? 0 : code;
}

/* A socket file that nobody listens on is left over from a run that was killed. */
static bool clear_place(const struct config_address *address)
{
    struct stat st;
    if (lstat(path_of(address), &st) != 0)
        return true; /* if there is more to it than ENOENT, bind() will say it */
    if (!S_ISSOCK(st.st_mode))
        return fail(address, "a file that is no socket is there",
                    "remove it or choose another path");
    int code = knock(address);
    if (code == 0 || code == EPROTOTYPE)
        return fail(address, "another program listens there", "stop it or choose another path");
    if (code != ECONNREFUSED && code != ENOENT)
        return fail(
            address, strerrordesc_np(code),
            "a socket is there, and nobody can tell if it is in use: remove it if it is not");
    if (unlink(path_of(address)) != 0 && errno != ENOENT)
        return fail(
            address, strerrordesc_np(errno),
            "a socket of an earlier run is there: remove it, or let headstart's user do so");
    return true;
}

static const char *what_to_do(int code)
{
    switch (code) {
    case EACCES:
    case EPERM:
    case EROFS:
        return "headstart's user must be able to write to its folder";
    case ENOENT:
    case ENOTDIR:
        return "its folder must exist";
    default:
        return "choose another path";
    }
}

static bool bind_file(struct socketfile *file, int fd, const struct config_address *address)
{
    struct stat st;
    mode_t before = umask(UMASK_OF_BIND);
    int code = bind(fd, (const struct sockaddr *)&address->storage, address->len) ? errno : 0;
    umask(before);
    if (code == 0 && lstat(path_of(address), &st) != 0)
        code = errno;
    if (code != 0)
        return fail(address, strerrordesc_np(code), what_to_do(code));
    *file = (struct socketfile){st.st_dev, st.st_ino};
    return true;
}

/* Whoever may write to the folder may put a link in the file's place: it is not followed. */
static bool open_up(const struct config_address *address, const struct config_access *access)
{
    gid_t gid;
    if (access->group && !identity_group(access->group, &gid))
        return fail(address, "its group does not exist", "name another one");
    if (access->group && lchown(path_of(address), (uid_t)-1, gid) != 0)
        return fail(address, strerrordesc_np(errno),
                    "its group cannot be set: start as root, or as a member of the group");
    if (fchmodat(AT_FDCWD, path_of(address), access->mode, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(address, strerrordesc_np(errno), "its mode cannot be set");
    return true;
}

int socketfile_listen(struct socketfile *file, const struct config_address *address,
                      const struct config_access *access, int backlog)
{
    *file = (struct socketfile){0};
    if (!clear_place(address))
        return -1;
    int fd = open_socket();
    if (fd < 0) {
        fail(address, strerrordesc_np(errno), "close other files");
        return -1;
    }
    if (bind_file(file, fd, address) && open_up(address, access)) {
        if (listen(fd, backlog) == 0)
            return fd;
        fail(address, strerrordesc_np(errno), "choose another path");
    }
    close(fd);
    socketfile_remove(file, address);
    return -1;
}

void socketfile_remove(struct socketfile *file, const struct config_address *address)
{
    struct stat st;
    if (file->inode != 0 && lstat(path_of(address), &st) == 0 && st.st_dev == file->device &&
        st.st_ino == file->inode)
        unlink(path_of(address));
    *file = (struct socketfile){0};
}

#define _GNU_SOURCE
#include "CPlatformShims.h"

#include <errno.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int clevagent_pidfd_open(pid_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

int clevagent_pidfd_send_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int clevagent_pidfd_reap(int pidfd, int *code, int *status) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0) return -errno;
    *code = info.si_code;
    *status = info.si_status;
    return info.si_pid;
}

int clevagent_accept(int listener, pid_t *pid, uid_t *user) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return -errno;
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
        int saved = errno;
        close(fd);
        return -saved;
    }
    *pid = peer.pid;
    *user = peer.uid;
    return fd;
}

int clevagent_read_limit(pid_t pid, struct clevagent_limit *limit) {
    struct rlimit value;
    if (prlimit(pid, (enum __rlimit_resource)limit->resource, NULL, &value) < 0) return -errno;
    limit->soft = value.rlim_cur;
    limit->hard = value.rlim_max;
    return 0;
}

int clevagent_set_limit(const struct clevagent_limit *limit) {
    struct rlimit value = {.rlim_cur = limit->soft, .rlim_max = limit->hard};
    return setrlimit((enum __rlimit_resource)limit->resource, &value) < 0 ? -errno : 0;
}

int clevagent_limit_count(void) { return RLIM_NLIMITS; }

int clevagent_has_file_capabilities(const char *path) {
    if (getxattr(path, "security.capability", NULL, 0) >= 0) return 1;
    return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
}

int clevagent_set_file_ids(uid_t user, gid_t group, const gid_t *groups, size_t group_count) {
    // Not setgroups(3), which tells all threads.
    if (syscall(SYS_setgroups, group_count, groups) < 0) return -errno;
    setfsgid(group);
    setfsuid(user);
    // They return what was before, whether or not it worked.
    return (gid_t)setfsgid((gid_t)-1) == group && (uid_t)setfsuid((uid_t)-1) == user ? 0 : -EPERM;
}

#define _GNU_SOURCE
#include "CPlatformShims.h"

#include <errno.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

void clevagent_use_one_heap(void) {
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);
#endif
}

void clevagent_trim_heap(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

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

// include/uapi/linux/pidfd.h, PIDFD_INFO_SIZE_VER0; newer than the headers of Debian 12.
struct pidfd_info_v0 {
    uint64_t mask;
    uint64_t cgroupid;
    uint32_t ids[11];
    int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info_v0) == 64, "PIDFD_INFO_SIZE_VER0");

int clevagent_pidfd_exit_status(int pidfd, int *status) {
    const uint64_t told_exit = 1 << 3;
    struct pidfd_info_v0 info = {.mask = told_exit};
    if (ioctl(pidfd, _IOWR(0xFF, 11, struct pidfd_info_v0), &info) < 0) return -errno;
    *status = info.exit_code;
    return (info.mask & told_exit) != 0;
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

int clevagent_contains(const void *text, size_t text_size, const void *part, size_t part_size) {
    return memmem(text, text_size, part, part_size) != NULL;
}

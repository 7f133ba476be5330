#define _GNU_SOURCE
#include "CPlatformShims.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <signal.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#ifdef __GLIBC__
// Before main(), because the runtime makes threads before it, and each would get a heap with free memory of its own.
__attribute__((constructor)) static void use_one_heap(void) {
    mallopt(M_ARENA_MAX, 1);
}
#endif

void clevagent_trim_heap(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

static int let_go_of_pages(struct dl_phdr_info *object, size_t size, void *context) {
    (void)size, (void)context;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        // What can be written may hold what no file has.
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        uintptr_t start = (object->dlpi_addr + segment->p_vaddr) / page * page;
        uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void clevagent_let_go_of_program_pages(void) { dl_iterate_phdr(let_go_of_pages, NULL); }

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

static volatile int signal_counters[NSIG];

// Async-signal-safe: signal-safety(7).
static void count_signal(int signal) {
    int before = errno;
    uint64_t one = 1;
    (void)!write(signal_counters[signal], &one, sizeof one);
    errno = before;
}

int clevagent_count_signal(int signal, int counter) {
    if (signal <= 0 || signal >= NSIG) return -EINVAL;
    signal_counters[signal] = counter;
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    return sigaction(signal, &action, NULL) == 0 ? 0 : -errno;
}

int clevagent_lock_byte(int fd, int64_t place, clevagent_lock what) {
    struct flock lock = {
        .l_type = what == CLEVAGENT_LOCK_RELEASE ? F_UNLCK : F_WRLCK,
        .l_whence = SEEK_SET,
        .l_start = place,
        .l_len = 1,
    };
    int probes = what == CLEVAGENT_LOCK_PROBE;
    if (fcntl(fd, probes ? F_OFD_GETLK : F_OFD_SETLK, &lock) == 0) return !probes || lock.l_type == F_UNLCK;
    return errno == EAGAIN || errno == EACCES ? 0 : -errno;
}

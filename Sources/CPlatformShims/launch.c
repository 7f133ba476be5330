#define _GNU_SOURCE
#include "CPlatformShims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The child's descriptors while it waits. Everything else is closed, so that it holds nobody else's gate open.
enum { REPORT = 3, GATE = 4, FIRST_UNUSED = 5, OUT_OF_THE_WAY = 10 };

static void set_all_signals(int how, sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(how, &all, before);
}

// From here on the child of a process with many threads: only async-signal-safe calls (signal-safety(7)), and of those
// that libc has told to all threads (setresuid(2), "C library/kernel differences") only the system call.

static void tell(enum clevagent_launch_step step, int code) {
    struct clevagent_launch_report message = {.step = (int32_t)step, .code = code};
    ssize_t ignored = write(REPORT, &message, sizeof message);
    (void)ignored;
}

_Noreturn static void fail(enum clevagent_launch_step step) {
    tell(step, errno);
    _exit(127);
}

static void close_from(unsigned first) {
    // Linux >= 5.9.
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    for (rlim_t fd = first; fd < limit.rlim_cur; fd++) close((int)fd);
}

// capset(2) has no wrapper in libc. The kernel takes away what is asked for and is not permitted.
static int keep_capabilities(uint64_t wanted) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return -1;
    for (int word = 0; word < 2; word++) {
        data[word].permitted &= (uint32_t)(wanted >> (32 * word));
        data[word].effective = data[word].permitted;
        data[word].inheritable = 0;
    }
    return (int)syscall(SYS_capset, &header, data);
}

// Becomes another user for good, but for the two capabilities that it takes to restore what only root may set.
static void change_ids(const struct clevagent_launch *launch) {
    uid_t uids[3];
    gid_t gids[3];
    if (prctl(PR_SET_KEEPCAPS, launch->user != 0) < 0) fail(CLEVAGENT_STEP_IDS);
    if (syscall(SYS_setgroups, launch->group_count, launch->groups) < 0) fail(CLEVAGENT_STEP_IDS);
    if (syscall(SYS_setresgid, launch->group, launch->group, launch->group) < 0) fail(CLEVAGENT_STEP_IDS);
    if (syscall(SYS_setresuid, launch->user, launch->user, launch->user) < 0) fail(CLEVAGENT_STEP_IDS);
    // File system ids follow the effective ones (credentials(7)).
    errno = EPERM;
    if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]) < 0) {
        fail(CLEVAGENT_STEP_IDS);
    }
    for (int index = 0; index < 3; index++) {
        if (uids[index] != launch->user || gids[index] != launch->group) fail(CLEVAGENT_STEP_IDS);
    }
    if (getgroups(0, NULL) != (int)launch->group_count) fail(CLEVAGENT_STEP_IDS);
    uint64_t kept = 1ULL << CAP_SYS_RESOURCE | 1ULL << CAP_SYS_NICE;
    if (launch->user != 0 && keep_capabilities(kept) < 0) fail(CLEVAGENT_STEP_IDS);
    // The session keyring of whoever starts it is not its own (session-keyring(7)).
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

static void give_up_capabilities(const struct clevagent_launch *launch) {
    if (!launch->changes_ids || launch->user == 0) return;
    if (keep_capabilities(0) < 0) fail(CLEVAGENT_STEP_IDS);
    errno = EPERM;
    if (syscall(SYS_setresuid, -1, 0, -1) == 0) fail(CLEVAGENT_STEP_IDS);
}

// Best effort: what can't be raised stays as the starter has it.
static void restore_numbers(const struct clevagent_launch *launch, int oom_score) {
    for (size_t index = 0; index < launch->limit_count; index++) clevagent_set_limit(&launch->limits[index]);
    if (launch->niceness != CLEVAGENT_NICENESS_UNCHANGED) setpriority(PRIO_PROCESS, 0, launch->niceness);
    if (launch->oom_score_adjustment != NULL && oom_score >= 0) {
        ssize_t ignored = write(oom_score, launch->oom_score_adjustment, strlen(launch->oom_score_adjustment));
        (void)ignored;
    }
}

// Opens a file for appending only if it is still that regular file, with no symbolic link on the way.
static int reopen(const struct clevagent_output *output) {
    // O_NONBLOCK: should it be a pipe by now, nobody waits; for the regular file that it must be it means nothing.
    int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, output->path, &how, sizeof how);
    // Linux < 5.6: then a link above it is followed, and has led to the same file.
    if (fd < 0 && errno == ENOSYS) fd = open(output->path, flags);
    if (fd < 0) return -1;
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_dev == output->device &&
        status.st_ino == output->inode && fcntl(fd, F_SETFL, O_APPEND) == 0) {
        return fd;
    }
    close(fd);
    return -1;
}

static void restore_output(const struct clevagent_output *output, int number) {
    if (output->path == NULL) return;
    int fd = reopen(output);
    if (fd < 0 || dup2(fd, number) < 0) tell(CLEVAGENT_STEP_OUTPUT_LOST, number);
    if (fd >= 0) close(fd);
}

_Noreturn void clevagent_become(const struct clevagent_launch *launch, int report) {
    if (report != REPORT && dup3(report, REPORT, O_CLOEXEC) < 0) _exit(127);
    close_from(REPORT + 1);
    // Should the starter end just now, telling it something must not end us.
    set_all_signals(SIG_BLOCK, NULL);
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, NULL);
    // Opened now: once its ids have changed, a process does not own its files in /proc (proc(5)).
    int oom_score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (launch->changes_ids) change_ids(launch);
    restore_numbers(launch, oom_score);
    if (oom_score >= 0) close(oom_score);
    give_up_capabilities(launch);

    if (launch->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(CLEVAGENT_STEP_SETUP);
    umask(launch->umask);
    if (chdir(launch->directory) < 0) fail(CLEVAGENT_STEP_DIRECTORY);
    restore_output(&launch->output, 1);
    restore_output(&launch->error_output, 2);
    set_all_signals(SIG_UNBLOCK, NULL);
    execve(launch->executable, launch->arguments, launch->environment);
    fail(CLEVAGENT_STEP_EXEC);
}

_Noreturn static void child(
    const struct clevagent_launch *launch, int null, const int *outputs, int gate, int report) {
    if (dup3(report, REPORT, O_CLOEXEC) < 0) _exit(127);
    if (dup3(gate, GATE, O_CLOEXEC) < 0) fail(CLEVAGENT_STEP_SETUP);
    for (int number = 0; number < 3; number++) {
        int from = outputs != NULL && number > 0 ? outputs[number - 1] : null;
        if (dup2(from, number) < 0) fail(CLEVAGENT_STEP_SETUP);
    }
    close_from(FIRST_UNUSED);
    setsid();

    // The parent writes one byte when it has put our identity on the disk. Its death ends us.
    char go;
    ssize_t count;
    do count = read(GATE, &go, 1); while (count < 0 && errno == EINTR);
    if (count != 1) _exit(0);
    clevagent_become(launch, REPORT);
}

// The parent.

static int moved_out_of_the_way(int fd) {
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    int saved = errno;
    close(fd);
    errno = saved;
    return moved;
}

static int pipe_out_of_the_way(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    ends[0] = moved_out_of_the_way(ends[0]);
    ends[1] = moved_out_of_the_way(ends[1]);
    return ends[0] < 0 || ends[1] < 0 ? -1 : 0;
}

static void close_if_open(int fd) {
    if (fd >= 0) close(fd);
}

int clevagent_pipe(int ends[2]) {
    ends[0] = ends[1] = -1;
    if (pipe_out_of_the_way(ends) == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) return 0;
    int result = -errno;
    close_if_open(ends[0]);
    close_if_open(ends[1]);
    return result;
}

pid_t clevagent_launch_gated(
    const struct clevagent_launch *launch, const int *outputs, int *pidfd, int *gate, int *report) {
    int gate_ends[2] = {-1, -1}, report_ends[2] = {-1, -1}, child_pidfd = -1;
    pid_t pid = -1;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) null = moved_out_of_the_way(null);
    if (null >= 0 && pipe_out_of_the_way(gate_ends) == 0 && pipe_out_of_the_way(report_ends) == 0) {
        struct clone_args arguments = {
            .flags = CLONE_PIDFD,
            .pidfd = (uint64_t)(uintptr_t)&child_pidfd,
            .exit_signal = SIGCHLD,
        };
        // No handler of ours may run in the child.
        sigset_t before;
        set_all_signals(SIG_BLOCK, &before);
        pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
        if (pid == 0) child(launch, null, outputs, gate_ends[0], report_ends[1]);
        int saved = errno;
        sigprocmask(SIG_SETMASK, &before, NULL);
        errno = saved;
    }
    int result = pid < 0 ? -errno : pid;
    close_if_open(null);
    close_if_open(gate_ends[0]);
    close_if_open(report_ends[1]);
    if (pid < 0) {
        close_if_open(gate_ends[1]);
        close_if_open(report_ends[0]);
        return result;
    }
    *pidfd = child_pidfd;
    *gate = gate_ends[1];
    *report = report_ends[0];
    return result;
}

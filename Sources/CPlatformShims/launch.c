#define _GNU_SOURCE
#include "CPlatformShims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The child's descriptors while it waits. Everything else is closed, so that it holds nobody else's gate open.
enum { GATE = 3, REPORT = 4, FIRST_UNUSED = 5, OUT_OF_THE_WAY = 10 };

static void set_all_signals(int how, sigset_t *before) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(how, &all, before);
}

// From here on the child of a process with many threads: only async-signal-safe calls (signal-safety(7)).

_Noreturn static void fail(enum clevagent_launch_step step) {
    int message[2] = {step, errno};
    ssize_t ignored = write(REPORT, message, sizeof message);
    (void)ignored;
    _exit(127);
}

static void close_from(unsigned first) {
    // Linux >= 5.9.
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    for (rlim_t fd = first; fd < limit.rlim_cur; fd++) close((int)fd);
}

static int copy_out_of_the_way(int fd, int instead) {
    return fcntl(fd < 0 ? instead : fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
}

_Noreturn static void child(const struct clevagent_launch *launch, int null, int gate, int report) {
    int output = copy_out_of_the_way(launch->output, null);
    int error_output = copy_out_of_the_way(launch->error_output, null);
    if (dup3(report, REPORT, O_CLOEXEC) < 0) _exit(127);
    if (dup3(gate, GATE, O_CLOEXEC) < 0 || dup2(null, 0) < 0) fail(CLEVAGENT_STEP_SETUP);
    if (dup2(output, 1) < 0 || dup2(error_output, 2) < 0) fail(CLEVAGENT_STEP_SETUP);
    close_from(FIRST_UNUSED);
    setsid();

    // The parent writes one byte when it has put our identity on the disk. Its death ends us.
    char go;
    ssize_t count;
    do count = read(GATE, &go, 1); while (count < 0 && errno == EINTR);
    if (count != 1) _exit(0);

    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, NULL);
    umask(launch->umask);
    for (size_t index = 0; index < launch->limit_count; index++) clevagent_set_limit(&launch->limits[index]);
    // Not setgroups(3), which wants to tell threads that are not there.
    if (launch->groups != NULL && syscall(SYS_setgroups, launch->group_count, launch->groups) < 0) {
        fail(CLEVAGENT_STEP_SETUP);
    }
    if (chdir(launch->directory) < 0) fail(CLEVAGENT_STEP_DIRECTORY);
    set_all_signals(SIG_UNBLOCK, NULL);
    execve(launch->executable, launch->arguments, launch->environment);
    fail(CLEVAGENT_STEP_EXEC);
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

pid_t clevagent_launch_gated(const struct clevagent_launch *launch, int *pidfd, int *gate, int *report) {
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
        if (pid == 0) child(launch, null, gate_ends[0], report_ends[1]);
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

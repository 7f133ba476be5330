// A process for tests to watch.
//
//   test-target orphan [OPTION]... -- PROGRAM [ARGUMENT]...
//       starts PROGRAM as a process whose parent is gone, and prints its PID once it has had its exec
//       --at PID         with exactly this PID (clone3(2), set_tid)
//       --user UID       as this user and group, with the groups 7 and 8   --nice N   --oom N
//       --unshare NAMES  of pid, mnt, net, uts, ipc: in new namespaces   --cgroup DIRECTORY  in that cgroup
//       --cwd DIRECTORY  --umask MODE (octal)  --output FILE (appended to by both standard outputs)
//   test-target parent [--subreaper] -- PROGRAM [ARGUMENT]...
//       starts PROGRAM as a child, or as an orphan that it takes, and collects it on SIGUSR1 and not before
//   test-target run [OPTION]...
//       writes a PID file and waits to be ended
//       --pidfile FILE   --unterminated (no line end)   --name NAME (means nothing; to tell processes apart)
//       --claim FILE     claims to be the one copy of FILE's target, and writes its PID there if another one lives
//       --clean          on SIGTERM removes the PID file and exits with 0
//       --ignore-term    --exit CODE (at once)    --term-exit CODE (on SIGTERM)
//       --grow FILE (on SIGUSR2 takes 64 MiB more and then writes its PID there)
//       --core (leaves a core dump behind where the machine makes one)
//       --leader-exits   the first thread ends, another goes on
//       --switch-user UID  changes all of its ids   --effective-user UID  only the effective one
//       --effective-user-on-signal UID  the same on SIGUSR1, and then writes its PID to a file beside the PID file
//       --title TEXT     overwrites its arguments with it, and renames itself
//       --workers N      has N children in its session    --reexec (execs itself anew)
//       --child          has a child that waits, too    --daemonize (forks and lets the parent exit with 0)

//   test-target grant FILE
//       lets whoever executes FILE bind(2) low ports (capabilities(7))

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
// What it holds at its end is nobody's news, and looking for it hangs in processes without their usual parent.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
#endif
#endif

static const char *pidfile;

_Noreturn static void die(const char *what) {
    perror(what);
    exit(70);
}

static pid_t fork_as(pid_t pid) {
    if (pid == 0) return fork();
    struct clone_args arguments = {
        .exit_signal = SIGCHLD,
        .set_tid = (uint64_t)(uintptr_t)&pid,
        .set_tid_size = 1,
    };
    // A number is free a moment after its process was collected, and nothing tells when.
    for (int patience = 2000; patience > 0; patience--) {
        pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
        if (child >= 0 || errno != EEXIST) return child;
        usleep(1000);
    }
    return -1;
}

static int write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : write(fd, text, strlen(text));
    if (fd >= 0) close(fd);
    return count < 0 ? -1 : 0;
}

static int chdir_write(const char *directory, const char *name, const char *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return write_text(path, text);
}

static void unshare_namespaces(const char *names) {
    int flags = 0;
    if (strstr(names, "pid") != NULL) flags |= CLONE_NEWPID;
    if (strstr(names, "mnt") != NULL) flags |= CLONE_NEWNS;
    if (strstr(names, "net") != NULL) flags |= CLONE_NEWNET;
    if (strstr(names, "uts") != NULL) flags |= CLONE_NEWUTS;
    if (strstr(names, "ipc") != NULL) flags |= CLONE_NEWIPC;
    if (unshare(flags) < 0) die("unshare");
}

static int orphan(int count, char **arguments) {
    pid_t at = 0;
    uid_t user = 0;
    const char *cgroup = NULL;
    int index = 0;
    for (; index + 1 < count && strcmp(arguments[index], "--") != 0; index += 2) {
        const char *option = arguments[index], *value = arguments[index + 1];
        if (strcmp(option, "--at") == 0) at = atoi(value);
        else if (strcmp(option, "--user") == 0) user = (uid_t)atoi(value);
        else if (strcmp(option, "--nice") == 0) setpriority(PRIO_PROCESS, 0, atoi(value));
        else if (strcmp(option, "--oom") == 0) write_text("/proc/self/oom_score_adj", value);
        else if (strcmp(option, "--cgroup") == 0) cgroup = value;
        else if (strcmp(option, "--unshare") == 0) unshare_namespaces(value);
        else if (strcmp(option, "--umask") == 0) umask((mode_t)strtol(value, NULL, 8));
        else if (strcmp(option, "--cwd") == 0) {
            if (chdir(value) < 0) die(value);
        } else if (strcmp(option, "--output") == 0) {
            int fd = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
            if (fd < 0 || (fd != 3 && dup3(fd, 3, O_CLOEXEC) < 0)) die(value);
        } else die(option);
    }
    char **program = arguments + index + 1;
    int done[2];
    if (pipe2(done, O_CLOEXEC) < 0) die("pipe2");
    pid_t pid = fork_as(at);
    if (pid < 0) die("clone3");
    if (pid == 0) {
        setsid();
        int output = fcntl(3, F_GETFD) >= 0 && done[0] != 3 && done[1] != 3 ? 3 : open("/dev/null", O_WRONLY);
        int input = open("/dev/null", O_RDONLY);
        dup2(input, 0);
        dup2(output, 1);
        dup2(output, 2);
        if (cgroup != NULL && chdir_write(cgroup, "cgroup.procs", "0") < 0) die(cgroup);
        const gid_t groups[] = {7, 8};
        if (user != 0 && (setgroups(2, groups) < 0 || setgid(user) < 0 || setuid(user) < 0)) die("setuid");
        syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
        execv(program[0], program);
        _exit(127);
    }
    close(done[1]);
    char byte;
    // Ends with the exec.
    if (read(done[0], &byte, 1) < 0) die("read");
    printf("%d\n", pid);
    return 0;
}

static int parent(int count, char **arguments) {
    int is_subreaper = count > 0 && strcmp(arguments[0], "--subreaper") == 0;
    char **program = arguments + is_subreaper + 1;
    sigset_t wake;
    sigemptyset(&wake);
    sigaddset(&wake, SIGUSR1);
    if (is_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) die("prctl");
    pid_t child = fork();
    if (child == 0 && (!is_subreaper || fork() == 0)) {
        setsid();
        execv(program[0], program);
        _exit(127);
    }
    if (child == 0) _exit(0);
    sigprocmask(SIG_BLOCK, &wake, NULL);
    if (is_subreaper) waitpid(child, NULL, 0);
    int signal;
    sigwait(&wake, &signal);
    waitpid(-1, NULL, 0);
    for (;;) pause();
}

static int term_exit_code = 0;

static void exit_on_term(int signal) {
    (void)signal;
    _exit(term_exit_code);
}

static void write_pidfile(int is_terminated) {
    if (pidfile == NULL) return;
    char text[32];
    int length = snprintf(text, sizeof text, is_terminated ? "%d\n" : "%d", getpid());
    int fd = open(pidfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, (size_t)length) != length) die(pidfile);
    close(fd);
}

// The claim ends with the last process that has it: the kernel gives files back before it calls a process ended, so that
// whoever comes after that end finds it free. No link between the copies but this file; it is there already.
static void claim(const char *path) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) die(path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) dprintf(fd, "%d\n", getpid());
}

static uid_t user_on_signal;

static void switch_on_signal(int signal) {
    (void)signal;
    char path[4096];
    snprintf(path, sizeof path, "%s.switched", pidfile);
    if (seteuid(user_on_signal) < 0) _exit(71);
    pidfile = path;
    write_pidfile(1);
}

static const char *grown;

static void take_memory(int signal) {
    (void)signal;
    size_t size = 64 << 20;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) _exit(70);
    pidfile = grown;
    write_pidfile(1);
}

static void end_well(int signal) {
    (void)signal;
    if (pidfile != NULL) unlink(pidfile);
    _exit(0);
}

static void *wait_for_ever(void *argument) {
    (void)argument;
    for (;;) pause();
}

static void set_title(char **arguments, int count, const char *title) {
    // From the first argument to the end of the last: they lie one after the other.
    char *begin = arguments[-2], *end = arguments[count - 1] + strlen(arguments[count - 1]);
    char *copy = strdup(title);
    memset(begin, 0, (size_t)(end - begin));
    strncpy(begin, copy, (size_t)(end - begin));
    prctl(PR_SET_NAME, copy);
}

static int run(int count, char **arguments) {
    int is_terminated = 1, leader_exits = 0, has_child = 0, daemonizes = 0, is_clean = 0, code = -1;
    int workers = 0, switched = -1, effective = 0, reexec = -1;
    const char *title = NULL;
    for (int index = 0; index < count; index++) {
        const char *option = arguments[index];
        const char *value = index + 1 < count ? arguments[index + 1] : "";
        if (strcmp(option, "--pidfile") == 0) pidfile = value, index++;
        else if (strcmp(option, "--name") == 0) index++;
        else if (strcmp(option, "--claim") == 0) claim(value), index++;
        else if (strcmp(option, "--unterminated") == 0) is_terminated = 0;
        else if (strcmp(option, "--clean") == 0) is_clean = 1;
        else if (strcmp(option, "--ignore-term") == 0) signal(SIGTERM, SIG_IGN);
        else if (strcmp(option, "--term-exit") == 0) {
            term_exit_code = atoi(value), index++;
            signal(SIGTERM, exit_on_term);
        } else if (strcmp(option, "--core") == 0) {
            struct rlimit limit;
            getrlimit(RLIMIT_CORE, &limit);
            limit.rlim_cur = limit.rlim_max;
            setrlimit(RLIMIT_CORE, &limit);
            // The Swift runtime that SwiftPM links to it has a handler.
            signal(SIGSEGV, SIG_DFL);
        } else if (strcmp(option, "--exit") == 0) code = atoi(value), index++;
        else if (strcmp(option, "--leader-exits") == 0) leader_exits = 1;
        else if (strcmp(option, "--switch-user") == 0) switched = atoi(value), index++;
        else if (strcmp(option, "--effective-user") == 0) effective = atoi(value), index++;
        else if (strcmp(option, "--effective-user-on-signal") == 0) {
            user_on_signal = (uid_t)atoi(value), index++;
            signal(SIGUSR1, switch_on_signal);
        } else if (strcmp(option, "--title") == 0) title = value, index++;
        else if (strcmp(option, "--workers") == 0) workers = atoi(value), index++;
        else if (strcmp(option, "--reexec") == 0) reexec = index;
        else if (strcmp(option, "--reexecuted") == 0) {}
        else if (strcmp(option, "--child") == 0) has_child = 1;
        else if (strcmp(option, "--grow") == 0) grown = value, index++;
        else if (strcmp(option, "--daemonize") == 0) daemonizes = 1;
        else die(option);
    }
    if (code >= 0) return code;
    if (is_clean) signal(SIGTERM, end_well);
    if (daemonizes) {
        pid_t pid = fork();
        if (pid < 0) die("fork");
        if (pid > 0) return 0;
        setsid();
    }
    if (reexec >= 0) {
        arguments[reexec] = "--reexecuted";
        execv("/proc/self/exe", arguments - 2);
        die("execv");
    }
    while (workers-- > 0) {
        if (fork() == 0) wait_for_ever(NULL);
    }
    if (has_child && fork() == 0) {
        // Not found by the session of its parent.
        setsid();
        wait_for_ever(NULL);
    }
    if (leader_exits) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0) die("pthread_create");
        write_pidfile(is_terminated);
        pthread_exit(NULL);
    }
    if (grown != NULL) signal(SIGUSR2, take_memory);
    if (switched >= 0 && getuid() != (uid_t)switched && (setgroups(0, NULL) < 0 || setgid((gid_t)switched) < 0 || setuid((uid_t)switched) < 0)) die("setuid");
    if (effective != 0 && seteuid((uid_t)effective) < 0) die("seteuid");
    if (title != NULL) {
        if (pidfile != NULL) pidfile = strdup(pidfile);
        set_title(arguments, count, title);
    }
    write_pidfile(is_terminated);
    wait_for_ever(NULL);
    return 0;
}

static int grant(const char *file) {
    struct vfs_cap_data data = {
        .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
        .data[0].permitted = 1U << CAP_NET_BIND_SERVICE,
    };
    if (setxattr(file, "security.capability", &data, sizeof data, 0) < 0) die(file);
    return 0;
}

int main(int count, char **arguments) {
    // Who starts us from a thread of libdispatch has most signals blocked.
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (count >= 2 && strcmp(arguments[1], "orphan") == 0) return orphan(count - 2, arguments + 2);
    if (count >= 2 && strcmp(arguments[1], "parent") == 0) return parent(count - 2, arguments + 2);
    if (count >= 2 && strcmp(arguments[1], "run") == 0) return run(count - 2, arguments + 2);
    if (count == 3 && strcmp(arguments[1], "grant") == 0) return grant(arguments[2]);
    fprintf(stderr, "usage: test-target orphan|parent|run|grant ...\n");
    return 64;
}

// Stands in for launchctl(1) and launchd: real processes, and answers in the form that macOS 13 to 15 give.
//
//   DIRECTORY/launchctl bootstrap DOMAIN FILE | bootout SERVICE | kickstart [-k] SERVICE | kill SIGNAL SERVICE
//   DIRECTORY/launchctl print SERVICE | print-disabled DOMAIN
//
// DIRECTORY is where it was called, for instance through a link, and holds its state: LABEL.state, locked while it is
// used. What is bootstrapped is no property list but a text: its first line says keepalive, or anything else; each
// further one is an argument of the program. Files in DIRECTORY change what it does:
//   refuse   all fails, with this text          hang   nothing answers
//   slow     ends are noticed 300 ms late       disabled   the labels that are, one a line

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most_arguments = 32, throttle_seconds = 1, exit_timeout_ms = 2000, late_us = 300000 };

struct job {
    int is_loaded, is_kept_alive, runs, has_ended, wait_status;
    pid_t pid;
    char path[1024];
};

static const char *directory;
static char label[256], domain[256], state_path[2048];
static struct job job;
static int state = -1;

_Noreturn static void fail(int status, const char *words) {
    fprintf(stderr, "%s\n", words);
    exit(status);
}

static const char *in_directory(const char *name) {
    static char path[2048];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

// LABEL of DOMAIN/LABEL.
static void name(const char *service) {
    const char *slash = strrchr(service, '/');
    if (slash == NULL) fail(64, "Unrecognized target specifier.");
    snprintf(domain, sizeof domain, "%.*s", (int)(slash - service), service);
    snprintf(label, sizeof label, "%s", slash + 1);
    snprintf(state_path, sizeof state_path, "%s/%s.state", directory, label);
}

static void lock(void) {
    state = open(state_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (state < 0 || flock(state, LOCK_EX) < 0) fail(5, "no state");
    if (pread(state, &job, sizeof job, 0) != sizeof job) memset(&job, 0, sizeof job);
}

static void save(void) {
    if (pwrite(state, &job, sizeof job, 0) != sizeof job) fail(5, "no state");
}

static void unlock(void) {
    flock(state, LOCK_UN);
    close(state);
}

static void require_loaded(void) {
    lock();
    if (job.is_loaded) return;
    fprintf(stderr, "Could not find service \"%s\" in domain for %s\n", label, domain);
    exit(113);
}

// MARK: processes

static pid_t run_program(void) {
    static char text[8192];
    char *arguments[most_arguments + 1] = {NULL};
    int file = open(job.path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? 0 : read(file, text, sizeof text - 1);
    if (size > 0) text[size] = 0;
    close(file);
    int count = -1;
    for (char *line = strtok(text, "\n"); line != NULL && count < most_arguments; line = strtok(NULL, "\n"), count++)
        if (count >= 0) arguments[count] = line;
    pid_t pid = fork();
    if (pid != 0) return pid;
    setsid();
    if (arguments[0] != NULL) execv(arguments[0], arguments);
    _exit(78);
}

static void wait_for_end(pid_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0) return;
    struct pollfd end = {.fd = fd, .events = POLLIN};
    if (poll(&end, 1, exit_timeout_ms) == 0) {
        kill(pid, SIGKILL);
        poll(&end, 1, -1);
    }
    close(fd);
}

// Is the parent of a job's processes, as launchd is: collects them, and starts again what is kept alive.
static void supervise(int ready) {
    setsid();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    for (;;) {
        pid_t child = run_program();
        if (ready >= 0) {
            // The lock is another's; the other end of the pipe ends when the child has had its exec.
            close(state);
            if (write(ready, &child, sizeof child) < 0) _exit(1);
            close(ready);
            ready = -1;
        } else {
            job.runs++;
            job.pid = child;
            save();
            unlock();
        }
        int status = 0;
        waitpid(child, &status, 0);
        if (access(in_directory("slow"), F_OK) == 0) usleep(late_us);
        lock();
        if (job.pid == child) {
            job.pid = 0;
            job.has_ended = 1;
            job.wait_status = status;
            save();
        }
        int goes_on = job.is_loaded && job.is_kept_alive && job.pid == 0;
        unlock();
        if (!goes_on) _exit(0);
        sleep(throttle_seconds);
        lock();
        if (!job.is_loaded || job.pid != 0) _exit(0);
    }
}

// With the lock held.
static void start(void) {
    int ends[2];
    pid_t pid = 0;
    if (pipe2(ends, O_CLOEXEC) < 0) fail(5, "no pipe");
    if (fork() == 0) {
        close(ends[0]);
        supervise(ends[1]);
    }
    close(ends[1]);
    if (read(ends[0], &pid, sizeof pid) != sizeof pid) fail(5, "no process");
    char rest;
    while (read(ends[0], &rest, 1) > 0) continue;
    job.runs++;
    job.pid = pid;
    save();
}

// MARK: commands

static void print(void) {
    require_loaded();
    printf("%s/%s = {\n\tactive count = %d\n\tpath = %s\n\ttype = LaunchAgent\n", domain, label, job.pid != 0, job.path);
    int is_due = job.pid == 0 && job.is_kept_alive && job.runs > 0;
    printf("\tstate = %s\n\n", job.pid != 0 ? "running" : is_due ? "spawn scheduled" : "not running");
    printf("\targuments = {\n\t\t--state = running\n\t}\n\n\tdomain = %s [100002]\n", domain);
    printf("\tminimum runtime = %d\n\texit timeout = 5\n\truns = %d\n", throttle_seconds, job.runs);
    if (job.pid != 0) printf("\tpid = %d\n", job.pid);
    if (!job.has_ended)
        printf("\tlast exit code = (never exited)\n");
    else if (WIFSIGNALED(job.wait_status))
        printf("\tlast terminating signal = %s: %d\n", strsignal(WTERMSIG(job.wait_status)), WTERMSIG(job.wait_status));
    else
        printf("\tlast exit code = %d\n", WEXITSTATUS(job.wait_status));
    printf("\n\tresource coalition = {\n\t\tstate = active\n\t}\n\n");
    printf("\tproperties = %srunatload\n}\n", job.is_kept_alive ? "keepalive | " : "");
    unlock();
}

static void print_disabled(void) {
    char line[256];
    FILE *file = fopen(in_directory("disabled"), "r");
    printf("disabled services = {\n");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        printf("\t\"%s\" => disabled\n", line);
    }
    printf("}\n");
}

// The label is the file's name without what follows the last dot.
static void bootstrap(const char *into, const char *path) {
    char service[1024], copy[1024];
    snprintf(copy, sizeof copy, "%s", path);
    char *base = basename(copy), *dot = strrchr(base, '.');
    if (dot != NULL) *dot = 0;
    snprintf(service, sizeof service, "%s/%s", into, base);
    name(service);
    lock();
    if (job.is_loaded) fail(5, "Bootstrap failed: 5: Input/output error");
    FILE *file = fopen(path, "r");
    char line[64] = "";
    if (file == NULL || fgets(line, sizeof line, file) == NULL) fail(5, "Bootstrap failed: 5: Input/output error");
    memset(&job, 0, sizeof job);
    job.is_loaded = 1;
    job.is_kept_alive = strcmp(line, "keepalive\n") == 0;
    snprintf(job.path, sizeof job.path, "%s", path);
    start();
    unlock();
}

static void bootout(void) {
    require_loaded();
    job.is_loaded = 0;
    pid_t pid = job.pid;
    save();
    unlock();
    if (pid == 0) return;
    kill(pid, SIGTERM);
    wait_for_end(pid);
}

static void kickstart(int again) {
    require_loaded();
    if (job.pid != 0 && again) {
        kill(job.pid, SIGTERM);
        wait_for_end(job.pid);
        job.pid = 0;
        save();
    }
    if (job.pid == 0) start();
    unlock();
}

static void send_signal(const char *signal) {
    require_loaded();
    int number = strcmp(signal, "SIGTERM") == 0 ? SIGTERM : strcmp(signal, "SIGKILL") == 0 ? SIGKILL : 0;
    if (number == 0) fail(64, "Unknown signal");
    if (job.pid == 0) fail(3, "No process to signal.");
    kill(job.pid, number);
    unlock();
}

int main(int count, char **arguments) {
    static char self[2048], words[512];
    snprintf(self, sizeof self, "%s", arguments[0]);
    directory = dirname(self);
    while (access(in_directory("hang"), F_OK) == 0) pause();
    int file = open(in_directory("refuse"), O_RDONLY | O_CLOEXEC);
    if (file >= 0) fail(read(file, words, sizeof words - 1) < 0 ? 2 : 1, words);

    const char *command = count > 2 ? arguments[1] : "", *last = arguments[count - 1];
    if (strcmp(command, "print-disabled") == 0) return print_disabled(), 0;
    if (strcmp(command, "bootstrap") == 0 && count == 4) return bootstrap(arguments[2], last), 0;
    name(count > 2 ? last : "");
    if (strcmp(command, "print") == 0)
        print();
    else if (strcmp(command, "bootout") == 0)
        bootout();
    else if (strcmp(command, "kickstart") == 0)
        kickstart(count == 4 && strcmp(arguments[2], "-k") == 0);
    else if (strcmp(command, "kill") == 0 && count == 4)
        send_signal(arguments[2]);
    else
        fail(64, "Unrecognized subcommand.");
    return 0;
}

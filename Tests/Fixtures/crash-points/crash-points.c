// Ends a program at one of its steps, and tells what it did until then. Preloaded into it (LD_PRELOAD, ld.so(8)).
//
//   CRASH_STATE   the directory whose files count; no link on the way to it
//   CRASH_NOTES   a directory of the test's: each step is told in the file `trace` there, and steps are numbered from
//                 when a file `armed` is there
//   CRASH_POINT   optional, as in `17 half`: it ends by SIGKILL `before` or `after` that step, or when `half` of what it
//                 writes is written
//
// Steps are what others can notice: changes of files in that directory, waiting for the disk, bytes to sockets and pipes,
// signals and new processes. All threads count together. A record of the trace is a line of words parted by blanks, and
// the bytes that it tells the length of:
//   NUMBER CALL OFFSET LENGTH PATH       a step that was taken: of a file all bytes follow, of a socket the first ones, of
//                                        a rename the new path; NUMBER is 0 before it is armed
//   0 begin 0 0 PATH                     waiting for the disk begins; what is written from here on it may not cover
//   NUMBER end-MOMENT 0 LENGTH PATH      the end; its call follows
// Only the process that it was preloaded into counts, not what that starts.

#if defined(__linux__)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// Of what goes to sockets, so much is told; so many pieces are written at once.
enum { TOLD = 256, PIECES = 64 };

static long (*kernel)(long, ...);
static pid_t program;
static const char *state;
static char armed_file[PATH_MAX];
static int trace = -1;
static atomic_bool is_armed;
static atomic_long steps;
static long last_step;
static char last_moment[16];

struct step {
    long number;
    const char *call;
    char path[PATH_MAX];
};

__attribute__((constructor)) static void begin(void) {
    if (kernel == NULL) kernel = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    const char *notes = getenv("CRASH_NOTES"), *point = getenv("CRASH_POINT");
    state = getenv("CRASH_STATE");
    // What it starts is not under test.
    unsetenv("LD_PRELOAD");
    if (notes == NULL || state == NULL) return;
    state = strdup(state);
    if (point != NULL && sscanf(point, "%ld %15s", &last_step, last_moment) != 2) abort();
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%s/trace", notes);
    snprintf(armed_file, sizeof armed_file, "%s/armed", notes);
    trace = (int)kernel(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0) abort();
    program = getpid();
}

static long call_kernel(long number, long a, long b, long c, long d, long e, long f) {
    // Others' constructors may come first.
    if (kernel == NULL) kernel = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return kernel(number, a, b, c, d, e, f);
}

#define CALL(number, a, b, c, d) call_kernel(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

// A child between fork and exec has all of this, too: it is not the program, and may not take locks.
static bool is_program(void) { return program != 0 && getpid() == program; }

// MARK: Telling

static void tell(long number, const char *call, long long offset, const struct iovec *parts, int count, size_t length,
                 const char *path) {
    char line[PATH_MAX + 100];
    int saved = errno;
    struct iovec record[PIECES + 1] = {{.iov_base = line}};
    int used = 1;
    size_t left = length;
    for (int index = 0; index < count && left > 0; index++) {
        size_t size = parts[index].iov_len < left ? parts[index].iov_len : left;
        record[used++] = (struct iovec){.iov_base = parts[index].iov_base, .iov_len = size};
        left -= size;
    }
    record[0].iov_len = (size_t)snprintf(line, sizeof line, "%ld %s %lld %zu %s\n", number, call, offset, length, path);
    // At once: the kernel keeps appended writes whole and in order.
    if (CALL(SYS_writev, trace, record, used, 0) < 0) abort();
    errno = saved;
}

static void tell_text(long number, const char *call, const char *text, const char *path) {
    struct iovec part = {.iov_base = (void *)text, .iov_len = strlen(text)};
    tell(number, call, 0, &part, 1, part.iov_len, path);
}

// MARK: Counting

static void take_number(struct step *step, const char *call) {
    step->call = call;
    step->number = 0;
    if (!is_armed) {
        if (CALL(SYS_faccessat, AT_FDCWD, armed_file, F_OK, 0) < 0) return;
        is_armed = true;
    }
    step->number = ++steps;
}

static bool is_last(const struct step *step, const char *moment) {
    return step->number != 0 && step->number == last_step && strcmp(moment, last_moment) == 0;
}

_Noreturn static void end(const struct step *step, const char *moment) {
    char name[32];
    snprintf(name, sizeof name, "end-%s", moment);
    tell_text(step->number, name, step->call, step->path);
    for (;;) CALL(SYS_kill, program, SIGKILL, 0, 0);
}

static void end_if(const struct step *step, const char *moment) {
    if (is_last(step, moment)) end(step, moment);
}

static bool is_in_state(const char *path) {
    size_t length = strlen(state);
    return strncmp(path, state, length) == 0 && (path[length] == '/' || path[length] == 0);
}

enum kind { OTHER, FILE_OF_STATE, PEER };

static enum kind kind_of(int fd, struct step *step) {
    if (fd < 0 || !is_program()) return OTHER;
    int saved = errno;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = CALL(SYS_readlinkat, AT_FDCWD, link, step->path, sizeof step->path - 1);
    errno = saved;
    if (length < 0) return OTHER;
    step->path[length] = 0;
    if (is_in_state(step->path)) return FILE_OF_STATE;
    // What it logs is nobody's business here.
    bool is_pipe = strncmp(step->path, "pipe:", 5) == 0 && fd > 2;
    return is_pipe || strncmp(step->path, "socket:", 7) == 0 ? PEER : OTHER;
}

// MARK: Writing

static ssize_t carry_out(int fd, struct iovec *parts, int count, long long offset, int flags) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    if (flags >= 0) return CALL(SYS_sendmsg, fd, &message, flags, 0);
    // The last two are the halves of the offset; of a long, only the first means something.
    if (offset >= 0) return CALL(SYS_pwritev, fd, parts, count, offset);
    return CALL(SYS_writev, fd, parts, count, 0);
}

static int halve(struct iovec *parts, int count) {
    size_t left = 0;
    for (int index = 0; index < count; index++) left += parts[index].iov_len;
    left /= 2;
    for (int index = 0; index < count; index++) {
        if (parts[index].iov_len >= left) {
            parts[index].iov_len = left;
            return left > 0 ? index + 1 : 0;
        }
        left -= parts[index].iov_len;
    }
    return count;
}

// - offset: -1 for where the file is
// - flags: of sendmsg(2); -1 for a write
static ssize_t put(const char *call, int fd, const struct iovec *given, int count, long long offset, int flags) {
    struct step step;
    struct iovec parts[PIECES];
    if (count > PIECES) count = PIECES;
    memcpy(parts, given, (size_t)count * sizeof *parts);
    enum kind kind = kind_of(fd, &step);
    if (kind == OTHER) return carry_out(fd, parts, count, offset, flags);
    take_number(&step, call);
    end_if(&step, "before");
    bool is_half = is_last(&step, "half");
    if (is_half) count = halve(parts, count);
    ssize_t result = count > 0 ? carry_out(fd, parts, count, offset, flags) : 0;
    if (result >= 0) {
        size_t length = kind == PEER && result > TOLD ? TOLD : (size_t)result;
        if (kind == FILE_OF_STATE && offset < 0) offset = CALL(SYS_lseek, fd, 0, SEEK_CUR, 0) - result;
        tell(step.number, call, offset, parts, count, length, step.path);
    }
    if (is_half) end(&step, "half");
    end_if(&step, "after");
    return result;
}

static ssize_t put_one(const char *call, int fd, const void *bytes, size_t length, long long offset, int flags) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    return put(call, fd, &part, 1, offset, flags);
}

ssize_t write(int fd, const void *bytes, size_t length) { return put_one("write", fd, bytes, length, -1, -1); }

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return put_one("pwrite", fd, bytes, length, offset, -1);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    return put_one("pwrite", fd, bytes, length, offset, -1);
}

ssize_t writev(int fd, const struct iovec *parts, int count) { return put("writev", fd, parts, count, -1, -1); }

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    return put_one("send", fd, bytes, length, -1, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    bool is_plain = message->msg_name == NULL && message->msg_controllen == 0 && message->msg_iovlen <= PIECES;
    if (!is_plain) return CALL(SYS_sendmsg, fd, message, flags, 0);
    return put("sendmsg", fd, message->msg_iov, (int)message->msg_iovlen, -1, flags);
}

// MARK: Waiting for the disk

static int wait_for_disk(long number, const char *call, int fd) {
    struct step step;
    if (kind_of(fd, &step) != FILE_OF_STATE) return (int)CALL(number, fd, 0, 0, 0);
    take_number(&step, call);
    end_if(&step, "before");
    tell_text(0, "begin", "", step.path);
    int result = (int)CALL(number, fd, 0, 0, 0);
    if (result == 0) tell_text(step.number, call, "", step.path);
    end_if(&step, "after");
    return result;
}

int fsync(int fd) { return wait_for_disk(SYS_fsync, "fsync", fd); }

int fdatasync(int fd) { return wait_for_disk(SYS_fdatasync, "fdatasync", fd); }

// MARK: Files

// - text: told with the step
static long change(const char *call, const char *path, const char *text, long number, long a, long b, long c, long d) {
    struct step step;
    if (!is_program() || !is_in_state(path)) return CALL(number, a, b, c, d);
    snprintf(step.path, sizeof step.path, "%s", path);
    take_number(&step, call);
    end_if(&step, "before");
    long result = CALL(number, a, b, c, d);
    if (result >= 0) tell_text(step.number, call, text, step.path);
    end_if(&step, "after");
    return result;
}

static int open_file(int directory, const char *path, int flags, mode_t mode) {
    bool changes = flags & (O_CREAT | O_TRUNC) && (flags & O_TMPFILE) != O_TMPFILE;
    if (!changes) return (int)CALL(SYS_openat, directory, path, flags, mode);
    const char *call = flags & O_TRUNC ? "create" : "open";
    return (int)change(call, path, "", SYS_openat, directory, (long)path, flags, mode);
}

#define MODE_OF(flags)                                                        \
    mode_t mode = 0;                                                          \
    if ((flags) & O_CREAT || ((flags) & O_TMPFILE) == O_TMPFILE) {            \
        va_list rest;                                                         \
        va_start(rest, flags);                                                \
        mode = va_arg(rest, mode_t);                                          \
        va_end(rest);                                                         \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_file(directory, path, flags, mode);
}

int rename(const char *from, const char *to) {
    return (int)change("rename", from, to, SYS_renameat2, AT_FDCWD, (long)from, AT_FDCWD, (long)to);
}

int unlink(const char *path) { return (int)change("unlink", path, "", SYS_unlinkat, AT_FDCWD, (long)path, 0, 0); }

int unlinkat(int directory, const char *path, int flags) {
    return (int)change("unlink", path, "", SYS_unlinkat, directory, (long)path, flags, 0);
}

int mkdir(const char *path, mode_t mode) {
    return (int)change("mkdir", path, "", SYS_mkdirat, AT_FDCWD, (long)path, mode, 0);
}

static int cut(int fd, off64_t length) {
    struct step step;
    if (kind_of(fd, &step) != FILE_OF_STATE) return (int)CALL(SYS_ftruncate, fd, length, 0, 0);
    take_number(&step, "ftruncate");
    end_if(&step, "before");
    int result = (int)CALL(SYS_ftruncate, fd, length, 0, 0);
    if (result == 0) tell(step.number, "ftruncate", length, NULL, 0, 0, step.path);
    end_if(&step, "after");
    return result;
}

int ftruncate(int fd, off_t length) { return cut(fd, length); }

int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

// MARK: Processes

static long act(const char *call, const char *what, long number, const long *arguments) {
    struct step step;
    snprintf(step.path, sizeof step.path, "%s", what);
    take_number(&step, call);
    end_if(&step, "before");
    long result = call_kernel(
        number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
    // The child of a clone(2) goes on from here, too.
    if (!is_program()) return result;
    if (result >= 0) tell_text(step.number, call, "", step.path);
    end_if(&step, "after");
    return result;
}

int kill(pid_t target, int signal) {
    long arguments[6] = {target, signal};
    // Number 0 only asks whether it is there.
    if (signal == 0 || !is_program()) return (int)CALL(SYS_kill, target, signal, 0, 0);
    return (int)act("kill", "process", SYS_kill, arguments);
}

// All six, as the C library's own: those that were not given are not looked at.
long syscall(long number, ...) {
    long arguments[6];
    va_list rest;
    va_start(rest, number);
    for (int index = 0; index < 6; index++) arguments[index] = va_arg(rest, long);
    va_end(rest);
    if (is_program()) {
        if (number == SYS_pidfd_send_signal && arguments[1] != 0) return act("kill", "process", number, arguments);
        if (number == SYS_clone3) return act("clone", "process", number, arguments);
    }
    return call_kernel(
        number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

#endif

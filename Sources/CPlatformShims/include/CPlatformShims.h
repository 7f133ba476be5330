#ifndef CPLATFORMSHIMS_H
#define CPLATFORMSHIMS_H

// System calls that Swift can't import, each as a function of a few lines. All return a negative errno when they fail.

#include <stddef.h>
#include <stdint.h>
// Not in Swift's Glibc module.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/types.h>

/// pidfd_open(2). The descriptor is close-on-exec.
int clevagent_pidfd_open(pid_t pid);

/// pidfd_send_signal(2).
int clevagent_pidfd_send_signal(int pidfd, int signal);

/// waitid(2) on a pidfd, without waiting. Takes a child that has ended out of the process table.
/// Returns its PID; 0 while it runs; -ECHILD when it is not our child. `code` is one of CLD_EXITED, CLD_KILLED and
/// CLD_DUMPED, `status` the exit status or the signal.
int clevagent_pidfd_reap(int pidfd, int *code, int *status);

/// accept4(2). The descriptor is close-on-exec. `pid` and `user` are who connected (unix(7), SO_PEERCRED).
int clevagent_accept(int listener, pid_t *pid, uid_t *user);

/// Asks a pidfd how a process that is not our child ended: ioctl PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux >= 6.15.
/// Returns 1 with `status` as in wait(2); 0 while its parent has not collected it; a negative errno when the kernel will
/// never tell: -ENOTTY or -EINVAL before Linux 6.13, -ESRCH after the collection before 6.15.
int clevagent_pidfd_exit_status(int pidfd, int *status);

/// One resource limit, as in getrlimit(2).
struct clevagent_limit {
    int resource;
    uint64_t soft;
    uint64_t hard;
};

/// prlimit(2) that reads. `limit->resource` says which.
int clevagent_read_limit(pid_t pid, struct clevagent_limit *limit);

/// setrlimit(2) for this process.
int clevagent_set_limit(const struct clevagent_limit *limit);

/// How many resources there are (RLIM_NLIMITS).
int clevagent_limit_count(void);

/// malloc_trim(3), where there is one.
void clevagent_trim_heap(void);

/// madvise(2) MADV_DONTNEED for all that is mapped from program files and can't be written.
void clevagent_let_go_of_program_pages(void);

/// Whether the file has capabilities(7): 1 or 0.
int clevagent_has_file_capabilities(const char *path);

/// memmem(3), which needs _GNU_SOURCE: whether `text` holds `part`. Takes time in proportion to both, whatever they hold.
int clevagent_contains(const void *text, size_t text_size, const void *part, size_t part_size);

/// Has this thread, and no other, use files as another user: setfsuid(2), setfsgid(2), setgroups(2).
int clevagent_set_file_ids(uid_t user, gid_t group, const gid_t *groups, size_t group_count);

/// A regular file that a process wrote to. NULL as its path: nothing is opened. An empty path is no file any more.
struct clevagent_output {
    const char *path;
    uint64_t device;
    uint64_t inode;
};

/// No value of getpriority(2): the niceness stays as it is.
enum { CLEVAGENT_NICENESS_UNCHANGED = 100 };

/// What a new process is to be.
struct clevagent_launch {
    const char *executable;
    char *const *arguments;
    char *const *environment;
    const char *directory;
    struct clevagent_output output;
    struct clevagent_output error_output;
    mode_t umask;
    /// Whether ids and groups change, which needs privilege.
    int changes_ids;
    uid_t user;
    gid_t group;
    const gid_t *groups;
    size_t group_count;
    const struct clevagent_limit *limits;
    size_t limit_count;
    int niceness;
    /// As in /proc/PID/oom_score_adj; NULL leaves it.
    const char *oom_score_adjustment;
    /// PR_SET_NO_NEW_PRIVS (prctl(2)).
    int no_new_privileges;
};

/// What a report says of a launch. All but the last are its end.
enum clevagent_launch_step {
    CLEVAGENT_STEP_SETUP = 1,
    CLEVAGENT_STEP_IDS = 2,
    CLEVAGENT_STEP_DIRECTORY = 3,
    CLEVAGENT_STEP_EXEC = 4,
    /// An output is not the same regular file any more.
    CLEVAGENT_STEP_OUTPUT_LOST = 5,
};

/// An element of a report: one of the steps above, and its errno, or which output, 1 or 2.
struct clevagent_launch_report {
    int32_t step;
    int32_t code;
};

/// Makes a child in a session of its own that waits at a gate before it becomes what `launch` says.
///
/// One byte written to `gate` lets it go on; the end of `gate` (also by the death of this process) ends it. `report`
/// then gives elements as above, and ends when the exec has succeeded or the child has ended.
/// `outputs` are its descriptors 1 and 2, made by `clevagent_pipe`; NULL for /dev/null.
/// The other three descriptors are close-on-exec and the caller's to close. Returns the child's PID.
pid_t clevagent_launch_gated(
    const struct clevagent_launch *launch, const int *outputs, int *pidfd, int *gate, int *report);

/// pipe2(2), close-on-exec, with a first end that does not block, and no number that a child uses itself.
int clevagent_pipe(int ends[2]);

/// Makes this process what `launch` says: first its ids, then all else. Every descriptor above 2 but `report` is closed.
_Noreturn void clevagent_become(const struct clevagent_launch *launch, int report);

/// Gives all jobs of Swift's tasks that have no executor of their own to this function, for the rest of the program. Each
/// is to be given to `clevagent_run_job`, once.
void clevagent_take_global_jobs(void (*run)(void *job));

/// Has the signal add one to this eventfd(2) from now on, in place of what it did. 0, or a negative errno value.
int clevagent_count_signal(int signal, int counter);

/// What clevagent_lock_byte is to do.
typedef enum { CLEVAGENT_LOCK_TAKE, CLEVAGENT_LOCK_PROBE, CLEVAGENT_LOCK_RELEASE } clevagent_lock;

/// Locks the byte at this place of a file for writing, by an open file description lock (fcntl_locking(2)); or only
/// looks, or lets go of it. 1 when it is, or would be, ours; 0 when another has it; or a negative errno value.
int clevagent_lock_byte(int fd, int64_t place, clevagent_lock what);

/// Runs a job on this thread.
void clevagent_run_job(void *job);

#endif

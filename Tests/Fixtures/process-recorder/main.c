// Tells what the kernel says of processes, from outside of whoever starts them (the proc connector, linux/cn_proc.h).
//
//   process-recorder MARK
//       follows each process that has MARK in its command line, and what it forks, and prints a line for each event.
//       Fields are separated by tabs; times are the kernel's own, in nanoseconds of the boot clock; INNER is the PID in
//       the process's own namespace.
//         ready                                   from here on nothing is missed
//         fork   TIME PID INNER PARENT ARGUMENT...
//         exec   TIME PID INNER ARGUMENT...
//         exit   TIME PID STATUS                  as wait(2) gives it
//         lost                                    the kernel had more to tell than it could keep for us
//
// Needs root, in the machine's own PID and user namespaces.

#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_RCVBUFFORCE
#define SO_RCVBUFFORCE 33
#endif

// As many PIDs as a kernel ever has (PID_MAX_LIMIT).
enum { PIDS = 4 << 20, BUFFER = 64 << 20, PATIENCE = 5000 };

static unsigned char is_followed[PIDS];
static int is_ready;
// What the boot clock has more than the kernel's stamps.
static uint64_t asleep;

_Noreturn static void die(const char *what) {
    perror(what);
    exit(70);
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static size_t read_file(int pid, const char *name, char *text, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t count = 0;
    while (fd >= 0 && length + 1 < size && (count = read(fd, text + length, size - 1 - length)) > 0) length += (size_t)count;
    if (fd >= 0) close(fd);
    text[length] = 0;
    return length;
}

static int inner_pid(int pid) {
    char text[4096];
    read_file(pid, "status", text, sizeof text);
    char *line = strstr(text, "\nNSpid:");
    if (line == NULL) return pid;
    line[1 + strcspn(line + 1, "\n")] = 0;
    return atoi(strrchr(line, '\t') + 1);
}

// With tabs between the arguments; empty when the process is gone already.
static const char *command_line(int pid) {
    static char line[1 << 20];
    size_t length = read_file(pid, "cmdline", line, sizeof line);
    for (size_t index = 0; index + 1 < length; index++) {
        if (line[index] == 0 || line[index] == '\n') line[index] = '\t';
    }
    return line;
}

static void tell(const struct proc_event *event, const char *mark) {
    unsigned long long time = event->timestamp_ns + asleep;
    if (event->what == PROC_EVENT_FORK) {
        int pid = event->event_data.fork.child_pid, parent = event->event_data.fork.parent_tgid;
        if (pid != event->event_data.fork.child_tgid || !is_followed[parent]) return;
        is_followed[pid] = 1;
        printf("fork\t%llu\t%d\t%d\t%d\t%s\n", time, pid, inner_pid(pid), parent, command_line(pid));
    } else if (event->what == PROC_EVENT_EXEC) {
        int pid = event->event_data.exec.process_tgid;
        const char *line = command_line(pid);
        if (strstr(line, mark) != NULL) is_followed[pid] = 1;
        if (is_followed[pid]) printf("exec\t%llu\t%d\t%d\t%s\n", time, pid, inner_pid(pid), line);
    } else if (event->what == PROC_EVENT_EXIT) {
        int pid = event->event_data.exit.process_pid;
        // A thread's end is not its process's. What we follow has one thread, or ends with all of them.
        if (pid != event->event_data.exit.process_tgid || !is_followed[pid]) return;
        is_followed[pid] = 0;
        printf("exit\t%llu\t%d\t%d\n", time, pid, (int)event->event_data.exit.exit_code);
    } else if (event->what == PROC_EVENT_NONE && event->event_data.ack.err != 0) {
        errno = (int)event->event_data.ack.err;
        die("listening");
    } else if (event->what == PROC_EVENT_NONE && !is_ready) {
        // Each who begins to listen is answered, and all hear it.
        is_ready = 1;
        printf("ready\n");
    } else {
        return;
    }
    fflush(stdout);
}

static int listening_socket(void) {
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("NETLINK_CONNECTOR");
    const int size = BUFFER;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) die("SO_RCVBUFFORCE");
    const enum proc_cn_mcast_op operation = PROC_CN_MCAST_LISTEN;
    char request[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof operation)] __attribute__((aligned(NLMSG_ALIGNTO))) = {0};
    struct nlmsghdr *header = (void *)request;
    struct cn_msg *message = NLMSG_DATA(header);
    header->nlmsg_len = NLMSG_LENGTH(sizeof *message + sizeof operation);
    header->nlmsg_type = NLMSG_DONE;
    message->id.idx = CN_IDX_PROC;
    message->id.val = CN_VAL_PROC;
    message->len = sizeof operation;
    memcpy(message->data, &operation, sizeof operation);
    if (send(fd, request, header->nlmsg_len, 0) < 0) die("PROC_CN_MCAST_LISTEN");
    // Outside of the first namespaces the kernel says nothing at all.
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    if (poll(&answer, 1, PATIENCE) == 1) return fd;
    fprintf(stderr, "process-recorder: the kernel does not answer\n");
    exit(69);
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: process-recorder MARK\n");
        return 64;
    }
    // The kernel keeps events for us while others run; command lines it does not keep. Not everywhere may root have both.
    const struct sched_param first = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO, &first) < 0) setpriority(PRIO_PROCESS, 0, -20);
    asleep = nanoseconds(CLOCK_BOOTTIME) - nanoseconds(CLOCK_MONOTONIC);
    int fd = listening_socket();
    for (;;) {
        char buffer[4096] __attribute__((aligned(NLMSG_ALIGNTO)));
        ssize_t length = recv(fd, buffer, sizeof buffer, 0);
        if (length < 0 && errno == EINTR) continue;
        if (length < 0 && errno != ENOBUFS) die("recv");
        if (length < 0) {
            printf("lost\n");
            fflush(stdout);
            continue;
        }
        int left = (int)length;
        for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
            const struct cn_msg *message = NLMSG_DATA(header);
            // The event is not aligned in its message.
            struct proc_event event = {0};
            memcpy(&event, message->data, message->len < sizeof event ? message->len : sizeof event);
            if (message->id.idx == CN_IDX_PROC) tell(&event, arguments[1]);
        }
    }
}

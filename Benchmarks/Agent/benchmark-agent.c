// The process that the benchmark has watched, ended and started again: as small as a program can be, so that what is
// timed is the supervisor and not the target.
//
//   benchmark-agent PIDFILE SOCKET NAME    writes PIDFILE, says "NAME PID" on SOCKET, lives until either is ended
//   benchmark-agent --detach PROGRAM ARGS… starts PROGRAM as an orphan with a session behind it, then ends
//   benchmark-agent --crowd DIRECTORY N    has N children, writes DIRECTORY/1.pid to N.pid, says "ready"; they end with it

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_pid_file(const char *path, pid_t id) {
    char draft[4096], text[32];
    if (snprintf(draft, sizeof draft, "%s.new", path) >= (int)sizeof draft) return -1;
    int file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return -1;
    int length = snprintf(text, sizeof text, "%d\n", (int)id);
    if (write(file, text, (size_t)length) != length) return -1;
    close(file);
    return rename(draft, path);
}

static int live(const char *pid_file, const char *socket_path, const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[512];
    if (strlen(socket_path) >= sizeof address.sun_path) return 2;
    strcpy(address.sun_path, socket_path);

    if (write_pid_file(pid_file, getpid()) != 0) return 1;
    int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer < 0 || connect(peer, (struct sockaddr *)&address, sizeof address) != 0) return 1;
    int length = snprintf(text, sizeof text, "%s %d\n", name, (int)getpid());
    if (write(peer, text, (size_t)length) != length) return 1;
    // The benchmark reads the end of this process from the end of the connection, and the other way round.
    return read(peer, text, 1) == 0 ? 0 : 1;
}

static int detach(char **command) {
    pid_t child = fork();
    if (child < 0) return 1;
    if (child > 0) {
        int status;
        return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
    }
    setsid();
    pid_t orphan = fork();
    if (orphan != 0) _exit(orphan < 0);
    int null = open("/dev/null", O_RDWR);
    for (int stream = 0; stream < 3; stream++) dup2(null, stream);
    if (null > 2) close(null);
    if (chdir("/") != 0) _exit(126);
    execv(command[0], command);
    _exit(127);
}

static int crowd(const char *directory, long members) {
    char path[4000];
    pid_t parent = getpid();
    for (long member = 1; member <= members; member++) {
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() == parent) for (;;) pause();
            _exit(0);
        }
        if (snprintf(path, sizeof path, "%s/%ld.pid", directory, member) >= (int)sizeof path) return 1;
        if (write_pid_file(path, child) != 0) return 1;
    }
    if (write(1, "ready\n", 6) != 6) return 1;
    for (;;) pause();
}

int main(int count, char **arguments) {
    if (count >= 3 && strcmp(arguments[1], "--detach") == 0) return detach(arguments + 2);
    if (count == 4 && strcmp(arguments[1], "--crowd") == 0) return crowd(arguments[2], atol(arguments[3]));
    if (count == 4) return live(arguments[1], arguments[2], arguments[3]);
    return 64;
}

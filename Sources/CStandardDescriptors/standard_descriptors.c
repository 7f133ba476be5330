#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

/// Opens /dev/null on those of the descriptors 0, 1 and 2 that whoever started us has closed.
///
/// Otherwise the next file or socket gets that number, and is written to as if it were standard error. Not a call in
/// `main`: the runtimes below it open descriptors of their own before.
__attribute__((constructor(101))) static void open_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is this one. Inherited, as standard descriptors are.
        if (open("/dev/null", O_RDWR) != fd) _exit(EX_OSERR);
    }
}

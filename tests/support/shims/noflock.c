/* Locks that always succeed and lock nothing, as on file systems that only pretend to have them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>

int flock(int descriptor, int operation) {
    (void)descriptor, (void)operation;
    return 0;
}

int lockf(int descriptor, int operation, off_t size) {
    (void)descriptor, (void)operation, (void)size;
    return 0;
}

int lockf64(int descriptor, int operation, off64_t size) {
    (void)descriptor, (void)operation, (void)size;
    return 0;
}

static int locks(int operation) {
    return operation == F_SETLK || operation == F_SETLKW || operation == F_OFD_SETLK || operation == F_OFD_SETLKW;
}

#define FCNTL(name)                                                       \
    int name(int descriptor, int operation, ...) {                        \
        va_list more;                                                     \
        va_start(more, operation);                                        \
        void *argument = va_arg(more, void *);                            \
        va_end(more);                                                     \
        if (locks(operation)) return 0;                                   \
        return ((int (*)(int, int, void *))dlsym(RTLD_NEXT, #name))(descriptor, operation, argument); \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

/* Acts at the N-th system call of a kind on a matching path, in a process that knows nothing of it.
 *
 * WB_RULES holds rules separated by ';', each "CALL GLOB NTH WHEN ACTION":
 *   CALL    read (open that creates nothing), open (that may create), excl (open that must create), write, pwrite, ftruncate, fsync, fdatasync, utime,
 *           rename (by its old name), named (by its new name), unlink, rmdir, mkdir
 *   GLOB    as fnmatch(3); '*' takes slashes too
 *   NTH     which of the calls that match, from 1; 0 is each of them
 *   WHEN    before or after the call
 *   ACTION  kill, stop, errno:NUMBER (instead of the call), torn:BYTES (write so many, then kill), sleep:MILLISECONDS,
 *           share (an excl opens what is there, as if nothing were)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define RULES 16

struct rule {
    char call[16], glob[256], when[8], action[16];
    long amount;
    int nth;
    atomic_int seen;
};

static struct rule rules[RULES];
static int count;

__attribute__((constructor)) static void read_rules(void) {
    const char *text = getenv("WB_RULES");
    char copy[4096], *rest = copy, *part;
    if (!text) return;
    snprintf(copy, sizeof copy, "%s", text);
    while (count < RULES && (part = strsep(&rest, ";"))) {
        struct rule *rule = &rules[count];
        if (sscanf(part, " %15s %255s %d %7s %15[a-z]:%ld", rule->call, rule->glob, &rule->nth, rule->when,
                   rule->action, &rule->amount) >= 5)
            count++;
    }
}

/* Counts a call for all rules that it matches; returns the first that is due now, or NULL. */
static struct rule *due(const char *call, const char *path, const char *when) {
    struct rule *found = NULL;
    for (int i = 0; i < count; i++) {
        struct rule *rule = &rules[i];
        if (strcmp(rule->call, call) || strcmp(rule->when, when) || fnmatch(rule->glob, path, 0)) continue;
        int seen = atomic_fetch_add(&rule->seen, 1) + 1;
        if (!found && (!rule->nth || seen == rule->nth)) found = rule;
    }
    return found;
}

/* Does what the rule says; returns 1 if the call is to fail with errno as set. */
static int act(struct rule *rule) {
    if (!rule) return 0;
    if (!strcmp(rule->action, "kill")) {
        kill(getpid(), SIGKILL);
        pause();
    } else if (!strcmp(rule->action, "stop")) {
        raise(SIGSTOP);  // to this thread: the process may hand a signal of its own to another one, and we would go on
    } else if (!strcmp(rule->action, "sleep")) {
        struct timespec wait = {rule->amount / 1000, rule->amount % 1000 * 1000000};
        nanosleep(&wait, NULL);
    } else if (!strcmp(rule->action, "errno")) {
        errno = (int)rule->amount;
        return 1;
    }
    return 0;
}

static int before(const char *call, const char *path) { return act(due(call, path, "before")); }

static void after(const char *call, const char *path) {
    int kept = errno;
    act(due(call, path, "after"));
    errno = kept;
}

static const char *path_of(int descriptor, char *buffer, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, buffer, size - 1);
    buffer[length < 0 ? 0 : length] = 0;
    return buffer;
}

static const char *opening(int flags) { return flags & O_EXCL ? "excl" : flags & O_CREAT ? "open" : "read"; }

#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                          \
        va_list more;                                                     \
        va_start(more, flags);                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                     \
        const char *call = opening(flags);                                \
        struct rule *rule = due(call, path, "before");                    \
        if (act(rule)) return -1;                                         \
        if (rule && !strcmp(rule->action, "share")) flags &= ~O_EXCL;     \
        int result = REAL(name)(path, flags, mode);                       \
        if (result >= 0) after(call, path);                               \
        return result;                                                    \
    }
OPEN(open)
OPEN(open64)

#define ON_PATH(name, call)                                               \
    int name(const char *path) {                                          \
        if (before(call, path)) return -1;                                \
        int result = REAL(name)(path);                                    \
        if (!result) after(call, path);                                   \
        return result;                                                    \
    }
ON_PATH(unlink, "unlink")
ON_PATH(rmdir, "rmdir")

int mkdir(const char *path, mode_t mode) {
    if (before("mkdir", path)) return -1;
    int result = REAL(mkdir)(path, mode);
    if (!result) after("mkdir", path);
    return result;
}

int rename(const char *old, const char *new) {
    if (before("rename", old) || before("named", new)) return -1;
    int result = REAL(rename)(old, new);
    if (!result) {
        after("rename", old);
        after("named", new);
    }
    return result;
}

#define ON_DESCRIPTOR(name, call)                                         \
    int name(int descriptor) {                                            \
        char path[4096];                                                  \
        if (before(call, path_of(descriptor, path, sizeof path))) return -1; \
        int result = REAL(name)(descriptor);                              \
        if (!result) after(call, path);                                   \
        return result;                                                    \
    }
ON_DESCRIPTOR(fsync, "fsync")
ON_DESCRIPTOR(fdatasync, "fdatasync")

int futimens(int descriptor, const struct timespec times[2]) {
    char path[4096];
    if (before("utime", path_of(descriptor, path, sizeof path))) return -1;
    int result = REAL(futimens)(descriptor, times);
    if (!result) after("utime", path);
    return result;
}

int utimensat(int directory, const char *path, const struct timespec times[2], int flags) {
    if (before("utime", path)) return -1;
    int result = REAL(utimensat)(directory, path, times, flags);
    if (!result) after("utime", path);
    return result;
}

#define TRUNCATE(name)                                                    \
    int name(int descriptor, off_t size) {                                \
        char path[4096];                                                  \
        if (before("ftruncate", path_of(descriptor, path, sizeof path))) return -1; \
        int result = REAL(name)(descriptor, size);                        \
        if (!result) after("ftruncate", path);                            \
        return result;                                                    \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

ssize_t write(int descriptor, const void *data, size_t size) {
    char path[4096];
    if (!count) return REAL(write)(descriptor, data, size);
    struct rule *rule = due("write", path_of(descriptor, path, sizeof path), "before");
    if (rule && !strcmp(rule->action, "torn")) {
        REAL(write)(descriptor, data, (size_t)rule->amount < size ? (size_t)rule->amount : size);
        kill(getpid(), SIGKILL);
        pause();
    }
    if (act(rule)) return -1;
    ssize_t result = REAL(write)(descriptor, data, size);
    if (result >= 0) after("write", path);
    return result;
}

#define PWRITE(name)                                                      \
    ssize_t name(int descriptor, const void *data, size_t size, off_t at) { \
        char path[4096];                                                  \
        if (before("pwrite", path_of(descriptor, path, sizeof path))) return -1; \
        ssize_t result = REAL(name)(descriptor, data, size, at);          \
        if (result >= 0) after("pwrite", path);                           \
        return result;                                                    \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

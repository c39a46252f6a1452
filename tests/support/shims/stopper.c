/* Acts at the N-th system call of a kind on a matching path, in a process that knows nothing of it.
 *
 * WB_RULES holds rules separated by ';', each "CALL GLOB NTH WHEN ACTION":
 *   CALL    read (open that creates nothing), open (that may create), excl (open that must create), write, pwrite,
 *           copy, ftruncate, fsync, fdatasync, utime, rename (by its old name), named (by its new name), link, symlink,
 *           unlink, rmdir, mkdir; or several at once: any (each step: all of these but read and rename), grow (those
 *           that take up room), opening (read, open and excl)
 *   GLOB    as fnmatch(3); '*' takes slashes too
 *   NTH     which of the calls that match, from 1; 0 is each of them, -N is the N-th and all later ones
 *   WHEN    before or after the call
 *   ACTION  kill, stop, errno:NUMBER (instead of the call), torn:BYTES (write so many, then kill; other calls are
 *           done), sleep:MILLISECONDS, share (an excl opens what is there, as if nothing were), note (add a line with
 *           CALL and path to the file that WB_NOTES names)
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

/* Read when the process starts, and again by a forked child that was told of its rules later. */
__attribute__((constructor)) void wb_read_rules(void) {
    const char *text = getenv("WB_RULES");
    char copy[4096], *rest = copy, *part;
    if (!text) return;
    memset(rules, 0, sizeof rules);
    count = 0;
    snprintf(copy, sizeof copy, "%s", text);
    while (count < RULES && (part = strsep(&rest, ";"))) {
        struct rule *rule = &rules[count];
        if (sscanf(part, " %15s %255s %d %7s %15[a-z]:%ld", rule->call, rule->glob, &rule->nth, rule->when,
                   rule->action, &rule->amount) >= 5)
            count++;
    }
}

static int is_one_of(const char *call, const char *const *calls) {
    while (*calls && strcmp(*calls, call)) calls++;
    return *calls != NULL;
}

static int covers(const char *wanted, const char *call) {
    static const char *const passive[] = {"read", "rename", NULL}, *const opening[] = {"read", "open", "excl", NULL},
                             *const grow[] = {"open",  "excl", "write", "pwrite",  "copy",
                                              "named", "link", "mkdir", "symlink", "ftruncate", NULL};
    if (!strcmp(wanted, "any")) return !is_one_of(call, passive);
    if (!strcmp(wanted, "grow")) return is_one_of(call, grow);
    if (!strcmp(wanted, "opening")) return is_one_of(call, opening);
    return !strcmp(wanted, call);
}

/* Counts a call for all rules that it matches; returns the first that is due now, or NULL. */
static struct rule *due(const char *call, const char *path, const char *when) {
    struct rule *found = NULL;
    for (int i = 0; i < count; i++) {
        struct rule *rule = &rules[i];
        if (!covers(rule->call, call) || strcmp(rule->when, when) || fnmatch(rule->glob, path, 0)) continue;
        int seen = atomic_fetch_add(&rule->seen, 1) + 1;
        if (!found && (!rule->nth || seen == rule->nth || (rule->nth < 0 && seen >= -rule->nth))) found = rule;
    }
    return found;
}

static void note(const char *call, const char *path) {
    char line[4200];
    const char *name = getenv("WB_NOTES");
    int notes = name ? REAL(open)(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    if (notes < 0 || REAL(write)(notes, line, length) != length) abort();
    close(notes);
}

/* Does what the rule says; returns 1 if the call is to fail with errno as set. */
static int act(struct rule *rule, const char *call, const char *path) {
    if (!rule) return 0;
    if (!strcmp(rule->action, "note")) {
        int kept = errno;
        note(call, path);
        errno = kept;
    } else if (!strcmp(rule->action, "kill")) {
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

static int before(const char *call, const char *path) { return act(due(call, path, "before"), call, path); }

static void after(const char *call, const char *path) {
    int kept = errno;
    act(due(call, path, "after"), call, path);
    errno = kept;
}

static const char *path_of(int descriptor, char *buffer, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, buffer, size - 1);
    buffer[length < 0 ? 0 : length] = 0;
    return buffer;
}

/* The path of a name in a directory that may be given by its descriptor. */
static const char *path_in(int directory, const char *name, char *buffer, size_t size) {
    if (directory == AT_FDCWD || *name == '/') return name;
    size_t length = strlen(path_of(directory, buffer, size));
    snprintf(buffer + length, size - length, "/%s", name);
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
        if (act(rule, call, path)) return -1;                             \
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

int unlinkat(int directory, const char *name, int flags) {
    char buffer[4096];
    const char *path = path_in(directory, name, buffer, sizeof buffer), *call = flags & AT_REMOVEDIR ? "rmdir" : "unlink";
    if (before(call, path)) return -1;
    int result = REAL(unlinkat)(directory, name, flags);
    if (!result) after(call, path);
    return result;
}

#define MAKE_LINK(name, call, parameters, arguments)                      \
    int name parameters {                                                 \
        if (before(call, path)) return -1;                                \
        int result = REAL(name) arguments;                                \
        if (!result) after(call, path);                                   \
        return result;                                                    \
    }
MAKE_LINK(symlink, "symlink", (const char *target, const char *path), (target, path))
MAKE_LINK(link, "link", (const char *old, const char *path), (old, path))
MAKE_LINK(linkat, "link", (int from, const char *old, int to, const char *path, int flags), (from, old, to, path, flags))

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

/* Writes a part of the data for a rule that says so, and ends the process. */
static void tear(struct rule *rule, int descriptor, const void *data, size_t size, off_t at) {
    if (!rule || strcmp(rule->action, "torn")) return;
    size_t part = (size_t)rule->amount < size ? (size_t)rule->amount : size;
    if ((at < 0 ? REAL(write)(descriptor, data, part) : REAL(pwrite)(descriptor, data, part, at)) < 0) abort();
    kill(getpid(), SIGKILL);
    pause();
}

ssize_t write(int descriptor, const void *data, size_t size) {
    char path[4096];
    if (!count) return REAL(write)(descriptor, data, size);
    struct rule *rule = due("write", path_of(descriptor, path, sizeof path), "before");
    tear(rule, descriptor, data, size, -1);
    if (act(rule, "write", path)) return -1;
    ssize_t result = REAL(write)(descriptor, data, size);
    if (result >= 0) after("write", path);
    return result;
}

#define PWRITE(name)                                                      \
    ssize_t name(int descriptor, const void *data, size_t size, off_t at) { \
        char path[4096];                                                  \
        struct rule *rule = due("pwrite", path_of(descriptor, path, sizeof path), "before"); \
        tear(rule, descriptor, data, size, at);                           \
        if (act(rule, "pwrite", path)) return -1;                         \
        ssize_t result = REAL(name)(descriptor, data, size, at);          \
        if (result >= 0) after("pwrite", path);                           \
        return result;                                                    \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
    char path[4096];
    if (before("copy", path_of(to, path, sizeof path))) return -1;
    ssize_t result = REAL(copy_file_range)(from, from_at, to, to_at, size, flags);
    if (result >= 0) after("copy", path);
    return result;
}

/* Writes down, in order, all that a process does to the files below one directory, with the bytes it writes.
 *
 * WB_LOG is the file to append to, WB_ROOT the directory.  Each record is a header (see struct record), the path, for
 * a rename or a hard link the new path, for a symbolic link where it leads, and for a write the data.  A call and its record happen under one lock, so that the order of
 * the records is the order of the calls.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum { CREATE = 1, MKDIR, WRITE, TRUNCATE, SYNC, SYNC_DATA, RENAME, UNLINK, RMDIR, SYMLINK, LINK };

struct record {
    uint32_t kind, path_length, more_length, unused;
    uint64_t inode, offset, data_length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_file = -1;
static char root[4096];

/* Called when the process starts, and again by a forked child that was told of its log later. */
__attribute__((constructor)) void wb_start_recording(void) {
    const char *path = getenv("WB_LOG"), *below = getenv("WB_ROOT");
    if (!path || !below) return;
    snprintf(root, sizeof root, "%s/", below);
    log_file = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

static int is_ours(const char *path) {
    size_t length = strlen(root) - 1;
    return log_file >= 0 && !strncmp(path, root, length) && (!path[length] || path[length] == '/');
}

static const char *path_of(int descriptor, char *buffer, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, buffer, size - 1);
    buffer[length < 0 ? 0 : length] = 0;
    return buffer;
}

static uint64_t inode_of(int descriptor) {
    struct stat found;
    return fstat(descriptor, &found) ? 0 : found.st_ino;
}

static void note(struct record record, const char *path, const char *more, const void *data) {
    int kept = errno;
    record.path_length = strlen(path);
    record.more_length = more ? strlen(more) : 0;
    struct iovec parts[] = {{&record, sizeof record},
                            {(void *)path, record.path_length},
                            {(void *)more, record.more_length},
                            {(void *)data, data ? record.data_length : 0}};
    if (writev(log_file, parts, 4) < 0) abort();
    errno = kept;
}

#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...) {                          \
        va_list more;                                                     \
        va_start(more, flags);                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                     \
        if (!(flags & (O_CREAT | O_TRUNC)) || !is_ours(path)) return REAL(name)(path, flags, mode); \
        pthread_mutex_lock(&lock);                                        \
        int is_new = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0; \
        int result = REAL(name)(path, flags, mode);                       \
        if (result >= 0 && is_new) note((struct record){.kind = CREATE, .inode = inode_of(result)}, path, NULL, NULL); \
        if (result >= 0 && flags & O_TRUNC)                               \
            note((struct record){.kind = TRUNCATE, .inode = inode_of(result)}, path, NULL, NULL); \
        pthread_mutex_unlock(&lock);                                      \
        return result;                                                    \
    }
OPEN(open)
OPEN(open64)

#define ON_PATH(name, code)                                               \
    int name(const char *path) {                                          \
        if (!is_ours(path)) return REAL(name)(path);                      \
        pthread_mutex_lock(&lock);                                        \
        int result = REAL(name)(path);                                    \
        if (!result) note((struct record){.kind = code}, path, NULL, NULL); \
        pthread_mutex_unlock(&lock);                                      \
        return result;                                                    \
    }
ON_PATH(unlink, UNLINK)
ON_PATH(rmdir, RMDIR)

int mkdir(const char *path, mode_t mode) {
    struct stat found;
    if (!is_ours(path)) return REAL(mkdir)(path, mode);
    pthread_mutex_lock(&lock);
    int result = REAL(mkdir)(path, mode);
    if (!result && !stat(path, &found)) note((struct record){.kind = MKDIR, .inode = found.st_ino}, path, NULL, NULL);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *old, const char *new) {
    if (!is_ours(old)) return REAL(rename)(old, new);
    pthread_mutex_lock(&lock);
    int result = REAL(rename)(old, new);
    if (!result) note((struct record){.kind = RENAME}, old, new, NULL);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlinkat(int directory, const char *name, int flags) {
    char path[8192];
    int is_plain = directory == AT_FDCWD || *name == '/';
    size_t length = is_plain ? 0 : strlen(path_of(directory, path, 4096));
    snprintf(path + length, sizeof path - length, "%s%s", is_plain ? "" : "/", name);
    if (!is_ours(path)) return REAL(unlinkat)(directory, name, flags);
    pthread_mutex_lock(&lock);
    int result = REAL(unlinkat)(directory, name, flags);
    if (!result) note((struct record){.kind = flags & AT_REMOVEDIR ? RMDIR : UNLINK}, path, NULL, NULL);
    pthread_mutex_unlock(&lock);
    return result;
}

#define MAKE_LINK(name, code, parameters, arguments, noted, more)         \
    int name parameters {                                                 \
        if (!is_ours(path)) return REAL(name) arguments;                  \
        pthread_mutex_lock(&lock);                                        \
        int result = REAL(name) arguments;                                \
        if (!result) note((struct record){.kind = code}, noted, more, NULL); \
        pthread_mutex_unlock(&lock);                                      \
        return result;                                                    \
    }
MAKE_LINK(symlink, SYMLINK, (const char *target, const char *path), (target, path), path, target)
MAKE_LINK(link, LINK, (const char *old, const char *path), (old, path), old, path)
MAKE_LINK(linkat, LINK, (int from, const char *old, int to, const char *path, int flags), (from, old, to, path, flags),
          old, path)

#define ON_DESCRIPTOR(name, code)                                         \
    int name(int descriptor) {                                            \
        char path[4096];                                                  \
        if (!is_ours(path_of(descriptor, path, sizeof path))) return REAL(name)(descriptor); \
        pthread_mutex_lock(&lock);                                        \
        int result = REAL(name)(descriptor);                              \
        if (!result) note((struct record){.kind = code, .inode = inode_of(descriptor)}, path, NULL, NULL); \
        pthread_mutex_unlock(&lock);                                      \
        return result;                                                    \
    }
ON_DESCRIPTOR(fsync, SYNC)
ON_DESCRIPTOR(fdatasync, SYNC_DATA)

#define TRUNCATE_TO(name)                                                 \
    int name(int descriptor, off_t size) {                                \
        char path[4096];                                                  \
        if (!is_ours(path_of(descriptor, path, sizeof path))) return REAL(name)(descriptor, size); \
        pthread_mutex_lock(&lock);                                        \
        int result = REAL(name)(descriptor, size);                        \
        if (!result)                                                      \
            note((struct record){.kind = TRUNCATE, .inode = inode_of(descriptor), .offset = size}, path, NULL, NULL); \
        pthread_mutex_unlock(&lock);                                      \
        return result;                                                    \
    }
TRUNCATE_TO(ftruncate)
TRUNCATE_TO(ftruncate64)

/* The caller holds the lock. */
static void note_write(int descriptor, const char *path, const void *data, ssize_t size, off_t at) {
    if (size <= 0) return;
    note((struct record){.kind = WRITE, .inode = inode_of(descriptor), .offset = at, .data_length = size}, path, NULL,
         data);
}

ssize_t write(int descriptor, const void *data, size_t size) {
    char path[4096];
    struct stat found;
    if (log_file < 0 || !is_ours(path_of(descriptor, path, sizeof path))) return REAL(write)(descriptor, data, size);
    pthread_mutex_lock(&lock);
    off_t at = fcntl(descriptor, F_GETFL) & O_APPEND && !fstat(descriptor, &found) ? found.st_size
                                                                                   : lseek(descriptor, 0, SEEK_CUR);
    ssize_t result = REAL(write)(descriptor, data, size);
    note_write(descriptor, path, data, result, at);
    pthread_mutex_unlock(&lock);
    return result;
}

#define PWRITE(name)                                                      \
    ssize_t name(int descriptor, const void *data, size_t size, off_t at) { \
        char path[4096];                                                  \
        if (!is_ours(path_of(descriptor, path, sizeof path))) return REAL(name)(descriptor, data, size, at); \
        pthread_mutex_lock(&lock);                                        \
        ssize_t result = REAL(name)(descriptor, data, size, at);          \
        note_write(descriptor, path, data, result, at);                   \
        pthread_mutex_unlock(&lock);                                      \
        return result;                                                    \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
    char path[4096];
    if (!from_at || !to_at || !is_ours(path_of(to, path, sizeof path)))
        return REAL(copy_file_range)(from, from_at, to, to_at, size, flags);
    pthread_mutex_lock(&lock);
    off64_t source_at = *from_at, at = *to_at;
    ssize_t result = REAL(copy_file_range)(from, from_at, to, to_at, size, flags);
    char *data = result > 0 ? malloc(result) : NULL;
    if (data && pread(from, data, result, source_at) == result) note_write(to, path, data, result, at);
    free(data);
    pthread_mutex_unlock(&lock);
    return result;
}
